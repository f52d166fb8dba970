/* The fields of a request that a stored response was chosen by (RFC 9111 section 4.1). They are
 * kept as lines: a name in lower case, and behind ':' the value, if the request had the field. */
#ifndef RHB_CACHE_VARY_H
#define RHB_CACHE_VARY_H

#include "base/bytes.h"
#include "picohttpparser/strict.h"

enum { RHB_VARY_MOST = 16 /* names */ };

/* Appends the lines for all Vary fields of a response to this request. False for '*', for more than
 * RHB_VARY_MOST names or one that is none, and when there is no memory. */
bool rhb_vary_write(struct rhb_bytes *lines, const char *fields, size_t len,
                    const struct phr_request_head *head);

/* Whether a request has the same values. */
bool rhb_vary_matches(const char *lines, size_t len, const struct phr_request_head *head);

#endif
