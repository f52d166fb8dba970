/* How a response ends, or waits for its client: the functions that loop.h lists for this. */
#include "caching.h"
#include "intake.h"
#include "lingering.h"
#include "loop.h"
#include "parking.h"
#include "socket_io.h"
#include <sys/socket.h>

bool rhb_loop_may_keep(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    const struct rhb_loop_options *options = &loop->options;
    return options->keep_alive && !rhb_loop_ends(loop) && loop->lane->request.framing.keep_alive &&
           (options->max_keepalive_requests == 0 ||
            conn->requests < options->max_keepalive_requests);
}

/* Whether the client may be sending another request: it asked for keep-alive, and the server offers
 * it. True for a response that was suspended: its request is no longer known. */
static bool may_send_more(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    return loop->lane->current != conn ||
           (loop->options.keep_alive && loop->lane->request.framing.keep_alive);
}

/* Whether the client has sent more than was read. Makes a system call only if it is not known. */
static bool has_unread(struct rhb_loop *loop, struct rhb_conn *conn)
{
    size_t got;
    return conn->more && rhb_recv(conn->fd, loop->lane->buffer, RHB_READ_SIZE, &got) == RHB_IO_OK;
}

/* Over TCP the kernel holds back the end of the response (rhb_send_more) and sends it in one packet
 * with the FIN; two packets cost a quarter more. shutdown(2) sends the FIN, since close(2) would
 * drop what is held back if bytes are unread, and would send nothing while a child of the
 * application holds the socket. */
static void end_sending(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    if (!loop->listeners[conn->listener].is_unix || loop->forks)
        shutdown(conn->fd, SHUT_WR);
}

/* RFC 9112 section 9.6: closing with bytes unread causes a reset, and the client may lose the
 * response. */
void rhb_loop_done(struct rhb_loop *loop, struct rhb_conn *conn, bool keep)
{
    if (conn->cares)
        rhb_caching_end(loop, conn);
    if (conn->background) {
        rhb_loop_abort(loop, conn);
        return;
    }
    bool linger = may_send_more(loop, conn);
    bool all_used = loop->lane->rest_len == 0 && conn->in.len == 0;
    if (!rhb_intake_finish(loop, conn, keep))
        rhb_conn_close(loop, conn);
    else if (keep && all_used && !conn->more)
        rhb_park(loop, conn, RHB_CONN_IDLE);
    else if (keep)
        rhb_make_ready(loop, conn);
    else if (!all_used || linger || has_unread(loop, conn))
        rhb_conn_linger(loop, conn);
    else {
        end_sending(loop, conn);
        rhb_conn_close(loop, conn);
    }
}

bool rhb_loop_suspend(struct rhb_loop *loop, struct rhb_conn *conn, void *owner)
{
    conn->owner = owner;
    if (rhb_intake_finish(loop, conn, true) && rhb_try_park(loop, conn, RHB_CONN_SEND))
        return true;
    conn->owner = NULL;
    return false;
}

void rhb_loop_abort(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_intake_finish(loop, conn, false);
    rhb_conn_close(loop, conn);
    if (loop->lane->due == RHB_LAP_NOTHING) /* it has ended before it was counted */
        loop->lane->lap.front = 0;
}

size_t rhb_loop_owners(const struct rhb_loop *loop, void **owners, size_t cap)
{
    const struct rhb_link *head = &loop->parked[RHB_CONN_SEND];
    size_t count = 0;
    for (struct rhb_link *link = head->next; link != head && count < cap; link = link->next) {
        void *owner = ((struct rhb_conn *)link)->owner;
        if (owner != NULL) /* not of an answer of C */
            owners[count++] = owner;
    }
    return count;
}

void *rhb_loop_next_owner(struct rhb_loop *loop)
{
    struct rhb_link *head = &loop->parked[RHB_CONN_SEND];
    void *owner = NULL;
    while (owner == NULL && !rhb_list_empty(head)) { /* an answer of C has none */
        struct rhb_conn *conn = (struct rhb_conn *)head->next;
        owner = conn->owner;
        rhb_conn_close(loop, conn);
    }
    return owner;
}
