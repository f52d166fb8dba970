/* Conditional and range requests that a stored response answers (RFC 9110 sections 13 and 14,
 * RFC 9111 section 4.3.2). Pure functions. */
#ifndef RHB_CACHE_CONDITIONS_H
#define RHB_CACHE_CONDITIONS_H

#include "asked.h"
#include "record.h"

/* Whether the client has the response already: the answer is 304. etag: of the record. */
bool rhb_is_not_modified(const struct phr_request_head *head, const struct rhb_record *record,
                         const char *etag, int64_t now);

enum rhb_range_result {
    RHB_RANGE_NONE,         /* all of the body: no range, several, or none that is understood */
    RHB_RANGE_PART,         /* 206 */
    RHB_RANGE_UNSATISFIABLE /* 416 */
};

struct rhb_range {
    uint64_t from, len;
};

/* Which part of the body is asked for. */
enum rhb_range_result rhb_range_of(const struct phr_request_head *head,
                                   const struct rhb_record *record, const char *etag, int64_t now,
                                   struct rhb_range *range);

#endif
