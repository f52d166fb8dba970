/* Age (RFC 9111 section 5.1) and Cache-Status (RFC 9211) of answers. */
#ifndef RHB_CACHE_STATUS_FIELD_H
#define RHB_CACHE_STATUS_FIELD_H

#include "record.h"

/* Appends both for an answer from the cache. status: what the application has answered when it was
 * asked before; then it is no hit (RFC 9211 section 2.1). 0: it was not asked. False when there is
 * no memory. */
bool rhb_put_hit_fields(struct rhb_bytes *out, const struct rhb_record *record, uint64_t age,
                        int status);

/* Appends Cache-Status to a response of the application. why: a token of RFC 9211 section 2.2. */
bool rhb_put_forward_field(struct rhb_bytes *out, const char *why, bool stored);

#endif
