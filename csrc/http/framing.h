/* From the fields of a request head to a plan: how its body is framed, whether the connection
 * survives, or the status to answer. The rules are section 5 of the design, listed in docs/HTTP.md.
 */
#ifndef RHB_HTTP_FRAMING_H
#define RHB_HTTP_FRAMING_H

#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>

enum rhb_body_kind { RHB_BODY_NONE, RHB_BODY_LENGTH, RHB_BODY_CHUNKED };

struct rhb_framing {
    int status;         /* 0: go on; otherwise the status to answer before closing */
    const char *reason; /* why, for the log: a static string, NULL when status is 0 */
    enum rhb_body_kind body;
    uint64_t content_length; /* RHB_BODY_LENGTH; 0 otherwise */
    bool keep_alive;         /* what the request asks for: 1.1 without close, 1.0 with keep-alive */
    bool expect_continue;
    bool upgrade;     /* Connection: upgrade, on 1.1 and without content */
    const char *host; /* value of the Host field; NULL without one */
    size_t host_len;
};

/* max_body in bytes, 0 for no limit: a longer Content-Length is 413. */
void rhb_framing_plan(struct rhb_framing *plan, const struct phr_request_head *head,
                      uint64_t max_body);

#endif
