/* How the loop comes to its end: nobody new, the idle ones for a short while, the others until they
 * are done. */
#include "stopping.h"
#include "accept_queue.h"
#include "closing_port.h"
#include "listeners.h"
#include "loop.h"

#define STOP_LINGER RHB_NS_PER_SECOND
#define AWAIT_STEP (5 * RHB_NS_PER_MS)

enum { QUEUE_UNKNOWN = 64 /* owed where the kernel does not say */ };

/* A connection that has sent nothing yet counts as idle from now on, and as long as the others: so
 * their list stays in the order of its deadlines. */
static void make_silent_idle(struct rhb_loop *loop, uint64_t until)
{
    struct rhb_link *head = &loop->parked[RHB_CONN_FRESH];
    while (!rhb_list_empty(head)) {
        struct rhb_link *link = head->next;
        struct rhb_conn *conn = (struct rhb_conn *)link;
        rhb_list_remove(link);
        conn->state = RHB_CONN_IDLE;
        conn->deadline = until;
        rhb_list_push(&loop->parked[RHB_CONN_IDLE], link);
    }
}

void rhb_loop_stop(struct rhb_loop *loop)
{
    uint64_t until = rhb_now_coarse() + STOP_LINGER;
    if (loop->stopping)
        return;
    loop->stopping = true;
    loop->accept_again_at = 0;
    rhb_listeners_disarm(loop);
    /* The wake-up for a connection may have come to this worker alone: one last accept. */
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = true;
    make_silent_idle(loop, until);
    /* from now on nearly all are those that have just been accepted, however long others are kept
     */
    loop->options.timeouts[RHB_CONN_IDLE] = STOP_LINGER;
    struct rhb_link *head = &loop->parked[RHB_CONN_IDLE];
    for (struct rhb_link *link = head->next; link != head; link = link->next) {
        struct rhb_conn *conn = (struct rhb_conn *)link;
        if (conn->deadline > until)
            conn->deadline = until;
    }
}

void rhb_loop_stop_last(struct rhb_loop *loop, uint64_t patience)
{
    bool asked_before = loop->accept_until != 0;
    rhb_loop_stop(loop);
    if (asked_before)
        return;
    uint64_t now = rhb_now_coarse();
    loop->accept_until = now + patience;
    for (size_t i = 0; i < loop->n_listeners; i++) {
        struct rhb_listener *listener = &loop->listeners[i];
        uint32_t waiting = rhb_accept_queue_length(listener->fd, listener->is_unix);
        listener->owed = waiting == UINT32_MAX ? QUEUE_UNKNOWN : waiting;
        listener->ready = true;
        listener->closing = !listener->is_unix && rhb_port_is_closing(listener->fd);
        if (listener->closing)
            loop->await_until = now + (patience < STOP_LINGER ? patience : STOP_LINGER);
    }
}

static bool has_handshakes(const struct rhb_loop *loop)
{
    for (size_t i = 0; i < loop->n_listeners; i++)
        if (loop->listeners[i].closing && rhb_port_has_handshakes(loop->listeners[i].fd))
            return true;
    return false;
}

/* Whoever comes out of a handshake is owed too. Looks in this order, handshakes and then the queue,
 * since connections go from there to here. */
static void await_handshakes(struct rhb_loop *loop, uint64_t now)
{
    if (now < loop->await_until && has_handshakes(loop))
        loop->accept_again_at = now + AWAIT_STEP;
    else
        loop->await_until = 0;
    for (size_t i = 0; i < loop->n_listeners; i++)
        if (loop->listeners[i].closing)
            loop->listeners[i].owed = UINT32_MAX; /* all there are: nobody comes any more */
}

bool rhb_stop_awaits(struct rhb_loop *loop)
{
    uint64_t now = rhb_now_coarse();
    if (loop->await_until == 0 && loop->accept_again_at == 0)
        return false;
    if (now < loop->accept_again_at)
        return true;
    loop->accept_again_at = 0;
    if (loop->await_until != 0)
        await_handshakes(loop, now);
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = loop->listeners[i].owed > 0;
    return loop->await_until != 0 || rhb_listeners_ready(loop);
}

bool rhb_loop_accepts(const struct rhb_loop *loop)
{
    return !loop->stopping || loop->await_until != 0 || loop->accept_again_at != 0 ||
           rhb_listeners_ready(loop);
}

void rhb_loop_let_go(struct rhb_loop *loop)
{
    loop->n_listeners = 0;
    loop->await_until = loop->accept_again_at = 0;
}
