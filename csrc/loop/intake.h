/* From received bytes to a complete request: recv, the PROXY header, the head, its framing. The
 * body is body_intake.c's. Called by dispatch.c for each connection that may have input. */
#ifndef RHB_INTAKE_H
#define RHB_INTAKE_H

#include "loop.h"

/* Reads and parses what is there. Returns RHB_EVENT_REQUEST when loop->lane->request is complete
 * (conn is BUSY then); otherwise RHB_EVENT_NONE: the connection is parked or ready, was refused or
 * closed, or gets a grace wait (waiting.c). */
enum rhb_event rhb_intake(struct rhb_loop *loop, struct rhb_conn *conn);

/* Ends the current request of the lane if it is conn's, and frees what held it. With `keep` the
 * bytes behind it are kept for the next request of conn. False: there is no memory for them. */
bool rhb_intake_finish(struct rhb_loop *loop, struct rhb_conn *conn, bool keep);

#endif
