/* From a socket that may have bytes to a complete request: recv, parse the head, plan the framing,
 * collect the body. Called by the loop whenever a connection's turn comes. */
#ifndef RHB_INTAKE_H
#define RHB_INTAKE_H

#include "loop.h"

/* RHB_EVENT_REQUEST when loop->request is complete (conn is BUSY then); otherwise RHB_EVENT_NONE:
 * the connection is parked, refused or closed, or is the one in grace. */
enum rhb_event rhb_intake(struct rhb_loop *loop, struct rhb_conn *conn);

/* Ends the request at hand, when it is conn's: frees what held it. The bytes behind it are kept for
 * conn when it stays (false: no memory for them). */
bool rhb_intake_finish(struct rhb_loop *loop, struct rhb_conn *conn, bool stays);

#endif
