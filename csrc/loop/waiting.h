/* Asking epoll, with and without waiting. rhb_loop_wait and its parts, in loop.h, are here too.
 * Called by dispatch.c. */
#ifndef RHB_WAITING_H
#define RHB_WAITING_H

#include "loop.h"

/* Takes new events from epoll without waiting, while the loop still has other work. */
void rhb_poll_epoll(struct rhb_loop *loop);

#endif
