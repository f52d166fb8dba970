/* Large bodies are received a few at a time, in the order in which they began: side by side they
 * would be larger together than the processor's cache, and each byte would go out to memory and
 * come back when the application reads it.
 *
 * Nobody waits for the slow: whose turn lasts longer than a few milliseconds goes on beside the
 * next, whenever the loop has nothing else to do one more begins, and so does everyone who has
 * waited for a tenth of a second, however busy the loop. */
#ifndef RHB_BODY_TURNS_H
#define RHB_BODY_TURNS_H

#include "loop.h"

/* When a body begins to arrive, with what is known of it. */
void rhb_body_turn_init(const struct rhb_loop *loop, struct rhb_incoming *incoming);

/* Whether the body of this connection may be received now. If not, the connection is put where it
 * waits for its turn, and becomes ready when that comes. */
bool rhb_body_turn_acquire(struct rhb_loop *loop, struct rhb_conn *conn);

/* The body is complete. (One that is given up keeps its turn until it has lasted long enough.) */
void rhb_body_turn_release(struct rhb_loop *loop, const struct rhb_incoming *incoming);

/* epoll has been asked. idle: and had nothing. */
void rhb_body_turns_update(struct rhb_loop *loop, bool idle);

#endif
