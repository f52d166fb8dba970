/* Whether a client that is not silent is fast enough (--min-rate). Without this check a client
 * could hold a connection for ever with one byte a minute, in either direction. */
#ifndef RHB_PACE_H
#define RHB_PACE_H

#include "loop.h"

/* Whether a body that is arriving is too slow. Never before it has taken longer than
 * --body-timeout, the longest silence that is allowed. */
bool rhb_body_lags(const struct rhb_loop *loop, const struct rhb_incoming *incoming);

/* Whether the client has read enough of a response that has waited for the whole send timeout.
 * *unsent: the bytes that the socket held when the wait began; set to what it holds now. */
bool rhb_response_moves(const struct rhb_loop *loop, int fd, uint32_t *unsent);

#endif
