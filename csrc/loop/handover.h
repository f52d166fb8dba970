/* A connection whose socket the application takes, for the protocol that it upgrades to (RFC 9110
 * section 7.8). The application gets a copy of the descriptor. The connection stays, and counts as
 * open, until the application is done with its request. */
#ifndef RHB_HANDOVER_H
#define RHB_HANDOVER_H

#include "loop.h"

/* Takes the descriptor off a connection that is with the application: whatever the server would
 * still send goes nowhere, and epoll says nothing of it any more. Returns it. Touches neither lists
 * nor events of the loop. */
int rhb_hand_over(struct rhb_loop *loop, struct rhb_conn *conn);

/* Puts it back, before the connection is ended below or by rhb_loop_abort. */
static inline void rhb_take_back(struct rhb_conn *conn, int fd)
{
    conn->fd = fd;
}

/* The application is done: the client gets to see the end as after any last response. `shared`:
 * somebody still has a copy, and may be about to say goodbye; the end is left to him for the time
 * that connections linger, or until the client has ended its side, and then comes for him too. */
void rhb_hand_over_end(struct rhb_loop *loop, struct rhb_conn *conn, bool shared);

#endif
