/* Connections from other workers: the queues of the channel as the event loop sees them. Called by
 * dispatch.c, waiting.c, listeners.c and stopping.c. Without a channel nothing here has an effect.
 */
#ifndef RHB_TRANSFERS_H
#define RHB_TRANSFERS_H

#include "loop.h"

/* Puts the queue of waiting connections into epoll, with EPOLLEXCLUSIVE like a listener. False with
 * errno set. */
bool rhb_transfers_arm(struct rhb_loop *loop);

/* Takes it out: there is no capacity for another connection. */
void rhb_transfers_disarm(struct rhb_loop *loop);

/* epoll has reported it. */
void rhb_transfers_reported(struct rhb_loop *loop);

/* Whether taking a connection is worth trying. */
static inline bool rhb_transfers_ready(const struct rhb_loop *loop)
{
    return loop->parcels.ready || loop->parcels.look;
}

/* Connections wait in the accept queues too: whether to take one from another worker first. Each is
 * served in proportion to its length, so that all are served in about the order of their arrival.
 */
bool rhb_transfers_turn(struct rhb_loop *loop);

/* Takes one connection; see rhb_parcel_take for its state. NULL when there was none, or no capacity
 * for it. */
struct rhb_conn *rhb_transfers_take(struct rhb_loop *loop);

/* Takes and parks an idle connection that another worker has given to this one. Needs no GIL. */
void rhb_transfers_take_surplus(struct rhb_loop *loop);

/* Once a second: takes what was sent to workers that have died. */
void rhb_transfers_tick(struct rhb_loop *loop);

/* In a stop, when no connection is left: whether the queues must be looked at once more. A worker
 * that has sent connections must not end before somebody has taken them. */
bool rhb_transfers_may_be_left(struct rhb_loop *loop);

#endif
