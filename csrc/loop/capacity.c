#include "capacity.h"
#include "parking.h"
#include <poll.h>

enum { MAX_LOOKS = 8 /* at connections that turn out to have bytes, in one call */ };

/* The first bytes of a connection that has just been accepted are usually on their way. A
 * connection that has been silent for less time than this is not closed for another one. */
#define MIN_SILENCE RHB_NS_PER_SECOND

static struct rhb_conn *first(const struct rhb_loop *loop, enum rhb_conn_state state)
{
    const struct rhb_link *head = &loop->parked[state];
    return rhb_list_empty(head) ? NULL : (struct rhb_conn *)head->next;
}

static uint64_t waits_since(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    return conn->deadline - loop->options.timeouts[conn->state];
}

static struct rhb_conn *longest_waiting(const struct rhb_loop *loop)
{
    struct rhb_conn *idle = first(loop, RHB_CONN_IDLE), *silent = first(loop, RHB_CONN_FRESH);
    if (silent != NULL && rhb_now_coarse() - waits_since(loop, silent) < MIN_SILENCE)
        silent = NULL;
    if (idle == NULL || silent == NULL)
        return idle != NULL ? idle : silent;
    return waits_since(loop, idle) <= waits_since(loop, silent) ? idle : silent;
}

/* Whether bytes or the client's end have arrived that the loop has not seen yet. */
static bool has_input(const struct rhb_conn *conn)
{
    struct pollfd fd = {.fd = conn->fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

bool rhb_capacity_has_evictable(const struct rhb_loop *loop)
{
    return longest_waiting(loop) != NULL;
}

struct rhb_conn *rhb_capacity_evictable(struct rhb_loop *loop)
{
    for (int looks = 0; looks < MAX_LOOKS; looks++) {
        struct rhb_conn *conn = longest_waiting(loop);
        if (conn == NULL || !has_input(conn))
            return conn;
        rhb_unpark(loop, conn);
        rhb_make_ready(loop, conn);
    }
    return NULL;
}
