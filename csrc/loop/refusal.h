/* Error responses of the server itself, to requests that do not reach the application. Called by
 * intake.c, body_intake.c and dispatch.c. */
#ifndef RHB_REFUSAL_H
#define RHB_REFUSAL_H

#include "loop.h"

/* Sends a response with this status, logs it, and closes the connection with a lingering close, so
 * that the client can read the response while it still sends. head: the request as far as it was
 * parsed; NULL if it was not, and then the head of the body that is arriving is used, if there is
 * one. Returns RHB_EVENT_NONE. */
enum rhb_event rhb_refuse(struct rhb_loop *loop, struct rhb_conn *conn, int status,
                          const struct phr_request_head *head);

/* The reason phrase of a status that the loop answers with; "Error" for any other. */
const char *rhb_reason(int status);

#endif
