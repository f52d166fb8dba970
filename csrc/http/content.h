/* What a request that reads gets of a representation (RFC 9110 sections 13.2.2 and 14.2). */
#ifndef RHB_CONTENT_H
#define RHB_CONTENT_H

#include "base/bytes.h"
#include "byte_range.h"
#include "conditions.h"

/* For GET and HEAD. Returns 200, 206 (*part is set), 304, 412 or 416. */
int rhb_content_status(const struct rhb_validators *validators, uint64_t size,
                       const struct phr_request_head *request, struct rhb_part *part);

/* Appends Content-Range: bytes FIRST-LAST/SIZE; without a part an asterisk and the size (RFC 9110
 * section 14.4). False when there is no memory. */
bool rhb_content_range_put(struct rhb_bytes *out, const struct rhb_part *part, uint64_t size);

#endif
