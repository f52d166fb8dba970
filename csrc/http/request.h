/* A complete request, as the loop hands it over. */
#ifndef RHB_REQUEST_H
#define RHB_REQUEST_H

#include "framing.h"
#include "picohttpparser/strict.h"
#include "target.h"

struct rhb_body;

/* Valid until rhb_loop_done, rhb_loop_suspend or rhb_loop_abort. */
struct rhb_request {
    struct phr_request_head head;
    struct rhb_target target;
    struct rhb_framing framing;
    const char *path; /* of the target, percent-decoded */
    size_t path_len;
    const char *head_bytes; /* the head as it was received */
    size_t head_len;
    const char *inline_body; /* the body if it arrived together with the head; otherwise NULL */
    struct rhb_body *body;   /* the body if it did not. The caller may take over its blocks or its
                                descriptor, and marks that here (body.h). */
    uint64_t body_len;
};

#endif
