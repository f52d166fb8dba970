/* Values of Transfer-Encoding (RFC 9112 sections 6.1 and 7, RFC 9110 section 10.1.4). */
#ifndef RHB_TRANSFER_CODING_H
#define RHB_TRANSFER_CODING_H

#include <stddef.h>

enum rhb_coding {
    RHB_CODING_CHUNKED, /* exactly chunked, in any case */
    RHB_CODING_OTHER,   /* a valid list with another coding; chunked is at most the last one */
    RHB_CODING_BAD      /* not a list of codings; or chunked not at the end, or with a parameter */
};

enum rhb_coding rhb_transfer_coding(const char *value, size_t len);

#endif
