/* The lingering close (RFC 9112 section 9.6): a socket that is closed while its client still sends
 * is reset, and the client may lose the last response. So the server ends its own side first, reads
 * and drops what the client still sends, and closes when the client has ended its side too, or at
 * the deadline. */
#ifndef RHB_LINGERING_H
#define RHB_LINGERING_H

#include "loop.h"

/* Begins the lingering close of a connection, or goes on with it when something has arrived. The
 * connection is parked as LINGER, or has been closed. */
void rhb_conn_linger(struct rhb_loop *loop, struct rhb_conn *conn);

#endif
