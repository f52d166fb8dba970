/* From the fields of a request head to a plan: how the body is framed and whether the connection
 * may be kept, or the status to answer. docs/HTTP.md lists the rules. */
#ifndef RHB_HTTP_FRAMING_H
#define RHB_HTTP_FRAMING_H

#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>

enum rhb_body_kind { RHB_BODY_NONE, RHB_BODY_LENGTH, RHB_BODY_CHUNKED };

struct rhb_framing {
    int status;         /* 0: accepted; otherwise the status to answer before closing */
    const char *reason; /* why it is refused, for the log: a static string; NULL when status is 0 */
    enum rhb_body_kind body;
    uint64_t content_length; /* RHB_BODY_LENGTH; 0 otherwise */
    bool keep_alive;         /* what the request asks for: 1.1 without close, 1.0 with keep-alive */
    bool expect_continue;
    bool upgrade;     /* Connection: upgrade, on 1.1 and without content */
    const char *host; /* value of the Host field; NULL without one */
    size_t host_len;
};

/* Sets all of plan. max_body: in bytes, 0 for no limit; a greater Content-Length is refused with
 * 413.
 */
void rhb_framing_plan(struct rhb_framing *plan, const struct phr_request_head *head,
                      uint64_t max_body);

#endif
