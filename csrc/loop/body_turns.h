/* Large bodies are received a few at a time, in the order in which they began. Many at once would
 * be larger than the processor's cache: each byte would go to memory, and come back when the
 * application reads it.
 *
 * No body waits for slow ones. A turn ends after a few milliseconds: the next body gets it, and the
 * slow one goes on as well. One more body begins whenever the loop is idle. A body that has waited
 * for a tenth of a second begins in any case. Called by body_intake.c and waiting.c. */
#ifndef RHB_BODY_TURNS_H
#define RHB_BODY_TURNS_H

#include "loop.h"

/* For a body that begins: whether it needs a turn, which depends on its expected length. */
void rhb_body_turn_init(const struct rhb_loop *loop, struct rhb_incoming *incoming);

/* Whether the body of this connection may be received now. If not, the connection waits for its
 * turn, and is put on the ready list when that comes. */
bool rhb_body_turn_acquire(struct rhb_loop *loop, struct rhb_conn *conn);

/* The body is complete: its turn goes to the next one. The turn of a body that is never completed
 * ends by its time. */
void rhb_body_turn_release(struct rhb_loop *loop, const struct rhb_incoming *incoming);

/* Gives turns to bodies that have waited long enough. Called after each epoll_wait; idle: it had no
 * events. */
void rhb_body_turns_update(struct rhb_loop *loop, bool idle);

#endif
