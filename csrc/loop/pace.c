#include "pace.h"
#include "socket_io.h"

/* Floating point, since a long time at a high rate can be more than 64 bits hold. */
static uint64_t bytes_due(const struct rhb_loop *loop, uint64_t ns)
{
    return (uint64_t)((double)loop->options.min_rate * ((double)ns / RHB_NS_PER_SECOND));
}

bool rhb_body_lags(const struct rhb_loop *loop, const struct rhb_incoming *incoming)
{
    uint64_t taken = rhb_now_coarse() - incoming->since;
    return taken > loop->options.timeouts[RHB_CONN_BODY] &&
           incoming->body.len < bytes_due(loop, taken);
}

/* epoll reports EPOLLOUT only once about a third of the socket's buffer is free (on a unix socket
 * three quarters). A client that reads slowly may need longer than the timeout for that. */
bool rhb_response_moves(const struct rhb_loop *loop, int fd, uint32_t *unsent)
{
    uint32_t before = *unsent, now = rhb_unsent(fd);
    *unsent = now;
    return now < before && before - now >= bytes_due(loop, loop->options.timeouts[RHB_CONN_SEND]);
}
