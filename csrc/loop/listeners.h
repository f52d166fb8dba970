/* The listening sockets of a worker: in epoll, exclusively, so that one connection wakes one
 * worker; accepted from one at a time, only when a request is about to be served. Called by the
 * loop. */
#ifndef RHB_LISTENERS_H
#define RHB_LISTENERS_H

#include "loop.h"

/* Into epoll, those that are not. Returns false with errno set when epoll refuses some of them:
 * EBADF when those are no files any more, and nothing worse. */
bool rhb_listeners_arm(struct rhb_loop *loop);

/* Out of epoll. */
void rhb_listeners_disarm(struct rhb_loop *loop);

/* epoll reported these events of this one. */
void rhb_listeners_woke(struct rhb_loop *loop, struct rhb_listener *listener, uint32_t events);

/* Whether an accept is worth a try. */
bool rhb_listeners_ready(const struct rhb_loop *loop);

/* One connection from the next listener that is ready, BUSY; NULL when there was none. */
struct rhb_conn *rhb_listeners_accept(struct rhb_loop *loop);

/* Once a second: undoes a cleared O_NONBLOCK (the flag is shared with other generations), ends a
 * pause, and looks for connections whose wake-up went to a worker that died. */
void rhb_listeners_tick(struct rhb_loop *loop, uint64_t now);

#endif
