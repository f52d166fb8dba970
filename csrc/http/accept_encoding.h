/* The Accept-Encoding field (RFC 9110 section 12.5.3): which of the codings that there are is sent.
 */
#ifndef RHB_ACCEPT_ENCODING_H
#define RHB_ACCEPT_ENCODING_H

#include "picohttpparser/strict.h"

/* In the order in which they are preferred, if the client has none. */
enum rhb_coding { RHB_BROTLI, RHB_ZSTD, RHB_GZIP, RHB_IDENTITY };
enum { RHB_CODINGS = RHB_IDENTITY /* without identity */ };

/* As in Content-Encoding. */
extern const char *const rhb_coding_names[RHB_CODINGS];

/* Chooses among those of which `there` has the bit, and identity. Without an acceptable one it is
 * identity. */
enum rhb_coding rhb_coding_choose(const struct phr_header *fields, size_t count, unsigned there);

#endif
