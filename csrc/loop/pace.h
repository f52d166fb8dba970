/* Whether a client that is not silent is fast enough (--min-rate). Without this one byte a minute
 * would hold a connection for ever, in either direction. */
#ifndef RHB_PACE_H
#define RHB_PACE_H

#include "loop.h"

/* Of a body that is still arriving: whether it has come too slowly, once it has taken longer than
 * the longest silence that is allowed. */
bool rhb_body_lags(const struct rhb_loop *loop, const struct rhb_incoming *incoming);

/* Of a response that has waited for room as long as it may: whether the client has nevertheless
 * taken enough of the *unsent bytes that the socket held. *unsent is what it holds now. */
bool rhb_response_moves(const struct rhb_loop *loop, int fd, uint32_t *unsent);

#endif
