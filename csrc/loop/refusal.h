/* The answers that the loop gives itself, to requests that never reach the application. */
#ifndef RHB_REFUSAL_H
#define RHB_REFUSAL_H

#include "loop.h"

/* Sends the error answer, logs it, and closes the connection in a way that the client can read the
 * answer while it is still sending. head: the request as far as it was understood, NULL if it was
 * not. */
void rhb_refuse(struct rhb_loop *loop, struct rhb_conn *conn, int status,
                const struct phr_request_head *head);

/* The reason phrase of a status that the loop answers with. */
const char *rhb_reason(int status);

#endif
