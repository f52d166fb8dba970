/* What a request that reads gets of a representation (RFC 9110 sections 13.2.2 and 14.2). */
#ifndef RHB_CONTENT_H
#define RHB_CONTENT_H

#include "byte_range.h"
#include "conditions.h"

/* For GET and HEAD. Returns 200, 206 (*part is set), 304, 412 or 416. */
int rhb_content_status(const struct rhb_validators *validators, uint64_t size,
                       const struct phr_request_head *request, struct rhb_part *part);

#endif
