/* A connection whose socket the application takes over, for the protocol that it upgrades to (RFC
 * 9110 section 7.8). The application gets a copy of the descriptor. The connection stays, and
 * counts as open, until the application has finished its request. Called by the exchange. */
#ifndef RHB_HANDOVER_H
#define RHB_HANDOVER_H

#include "loop.h"

/* Takes the descriptor off a connection whose request the application has: the server can send
 * nothing any more, and epoll reports nothing of it. Returns the descriptor. Does not touch the
 * lists or events of the loop. */
int rhb_hand_over(struct rhb_loop *loop, struct rhb_conn *conn);

/* Gives the connection its descriptor again, before rhb_hand_over_end or rhb_loop_abort. */
static inline void rhb_take_back(struct rhb_conn *conn, int fd)
{
    conn->fd = fd;
}

/* The application has finished the request: closes the connection as after any last response.
 * shared: a copy of the descriptor is still open in the application, which may send a last message.
 * The end is left to the holder of the copy until the client has ended its side, or for the time of
 * a lingering close; after that the socket is shut down for the copy too. */
void rhb_hand_over_end(struct rhb_loop *loop, struct rhb_conn *conn, bool shared);

#endif
