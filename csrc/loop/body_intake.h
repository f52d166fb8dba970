/* Request bodies: whole ones behind their head, and those that arrive later. Called by intake.c. */
#ifndef RHB_BODY_INTAKE_H
#define RHB_BODY_INTAKE_H

#include "loop.h"

/* A head with a body has been parsed: loop->lane->request is set but for the body. data: len bytes,
 * the head and what has arrived behind it. Returns RHB_EVENT_REQUEST when the body is whole;
 * otherwise RHB_EVENT_NONE: the connection waits for the rest, or was refused or closed. */
enum rhb_event rhb_body_start(struct rhb_loop *loop, struct rhb_conn *conn, char *data, size_t len);

/* Receives more of a body that has begun (conn->incoming). Returns the same. */
enum rhb_event rhb_body_receive(struct rhb_loop *loop, struct rhb_conn *conn);

#endif
