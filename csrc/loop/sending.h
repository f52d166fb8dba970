/* An answer of C on its way to the client: a head, and a body in memory or in a file. Called by
 * answers.c. */
#ifndef RHB_SENDING_H
#define RHB_SENDING_H

#include "lap.h"
#include "loop.h"
#include "socket_io.h"

struct rhb_sending {
    struct rhb_answer answer; /* of its body, what is left */
    struct rhb_bytes out;     /* the head, and a small body */
    size_t out_at;            /* what of these has been sent */
    size_t head_len;
    size_t id_at, id_len; /* of the request's identifier in the head; 0: it has none */
    uint64_t sent;
    bool keep; /* the connection */

    const struct phr_request_head *request; /* NULL: there was no memory for a copy */
    struct phr_request_head *saved;         /* that copy, once it is suspended */
    uint64_t started;                       /* exact ns; only with reports */
    struct rhb_lap lap;                     /* once it is suspended */
    uint64_t suspended_at;                  /* exact ns */
};

/* The head is complete, in `out`: a small body is copied behind it. False when there is no memory.
 */
bool rhb_sending_join(struct rhb_sending *sending, struct rhb_bytes *out);

/* Sends as much as the socket takes, and of a file so much at most that others have their turn. OK:
 * all is sent. AGAIN: there is more. EOF: the file has become shorter. */
enum rhb_io rhb_sending_go_on(struct rhb_sending *sending, int fd);

#endif
