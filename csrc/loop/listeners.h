/* The listening sockets of a worker. They are in epoll with EPOLLEXCLUSIVE, so that one connection
 * wakes one worker. A connection is accepted only when its request is served next. Called by
 * dispatch.c, waiting.c and stopping.c. */
#ifndef RHB_LISTENERS_H
#define RHB_LISTENERS_H

#include "loop.h"

/* Puts the listeners into epoll that are not in it. False, with errno set, when epoll refuses some:
 * EBADF when these descriptors are closed, and there was no other error. */
bool rhb_listeners_arm(struct rhb_loop *loop);

/* Puts the listeners that are in epoll behind those of the other workers: they are woken first for
 * the next connection. */
void rhb_listeners_to_the_back(struct rhb_loop *loop);

/* Takes all listeners out of epoll. */
void rhb_listeners_disarm(struct rhb_loop *loop);

/* epoll has reported these events of this listener. */
void rhb_listeners_reported(struct rhb_loop *loop, struct rhb_listener *listener, uint32_t events);

/* Whether an accept is worth trying. */
bool rhb_listeners_ready(const struct rhb_loop *loop);

/* Accepts one connection from the next ready listener: BUSY. NULL when there was none, or no
 * capacity for it. */
struct rhb_conn *rhb_listeners_accept(struct rhb_loop *loop);

/* There is no capacity. Stops accepting, also from other workers, until a connection ends, or for a
 * tenth of a second. */
void rhb_listeners_pause(struct rhb_loop *loop);

/* The same if --max-connections is reached: at once, so that the next connection wakes another
 * worker. */
void rhb_listeners_pause_if_full(struct rhb_loop *loop);

/* There was no descriptor or no memory for another connection: closes one, or pauses. */
void rhb_listeners_make_capacity(struct rhb_loop *loop);

/* Once a second, and when a pause of accepting ends. Sets O_NONBLOCK again, a flag that other
 * generations share and may have cleared; ends the pause if there is capacity; and tries an accept
 * from each listener, for connections whose wake-up went to a worker that has died. now: coarse
 * monotonic ns. */
void rhb_listeners_tick(struct rhb_loop *loop, uint64_t now);

#endif
