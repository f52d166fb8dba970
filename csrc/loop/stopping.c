/* Stopping: no new connections are accepted, idle ones are closed after a short time, all others
 * are served to their end. */
#include "stopping.h"
#include "accept_queue.h"
#include "closing_port.h"
#include "listeners.h"
#include "loop.h"

#define IDLE_TIME RHB_NS_PER_SECOND        /* that an idle connection is kept open */
#define HANDSHAKE_STEP (5 * RHB_NS_PER_MS) /* between two looks at handshakes */

enum { QUEUE_UNKNOWN = 64 /* connections to accept if the kernel does not tell how many wait */ };

/* A connection that has sent nothing yet counts as idle from now on. All get the same deadline, so
 * the list of the idle ones stays in order. */
static void make_silent_idle(struct rhb_loop *loop, uint64_t until)
{
    struct rhb_link *head = &loop->parked[RHB_CONN_FRESH];
    while (!rhb_list_empty(head)) {
        struct rhb_link *link = head->next;
        struct rhb_conn *conn = (struct rhb_conn *)link;
        rhb_list_remove(link);
        conn->state = RHB_CONN_IDLE;
        loop->n_parked[RHB_CONN_FRESH]--;
        loop->n_parked[RHB_CONN_IDLE]++;
        conn->deadline = until;
        rhb_list_push(&loop->parked[RHB_CONN_IDLE], link);
    }
}

void rhb_loop_stop(struct rhb_loop *loop)
{
    uint64_t until = rhb_now_coarse() + IDLE_TIME;
    if (loop->stopping)
        return;
    loop->stopping = true;
    atomic_store_explicit(&loop->worker->accepts, 0, memory_order_relaxed);
    loop->accept_again_at = 0;
    rhb_listeners_disarm(loop);
    /* One last accept: for a connection in the queue only this worker may have been woken. */
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = true;
    make_silent_idle(loop, until);
    /* for connections that become idle from now on; nearly all of them have just been accepted */
    loop->options.timeouts[RHB_CONN_IDLE] = IDLE_TIME;
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
        listener->to_accept = waiting == UINT32_MAX ? QUEUE_UNKNOWN : waiting;
        listener->ready = true;
        listener->closing = !listener->is_unix && rhb_port_is_closing(listener->fd);
        if (listener->closing)
            loop->handshakes_until = now + (patience < IDLE_TIME ? patience : IDLE_TIME);
    }
}

/* ---- from another thread ---- */

static void order(struct rhb_loop *loop, uint64_t what, uint64_t patience)
{
    atomic_store_explicit(&loop->patience, patience, memory_order_relaxed);
    atomic_store_explicit(&loop->ordered, what, memory_order_release);
}

void rhb_loop_order_stop(struct rhb_loop *loop)
{
    order(loop, RHB_STOP_ORDERED, 0);
}

void rhb_loop_order_stop_last(struct rhb_loop *loop, uint64_t patience)
{
    order(loop, RHB_LAST_STOP_ORDERED, patience);
}

void rhb_stop_as_ordered(struct rhb_loop *loop)
{
    uint64_t what = atomic_load_explicit(&loop->ordered, memory_order_acquire);
    if (what == RHB_STOP_ORDERED)
        rhb_loop_stop(loop);
    else if (what == RHB_LAST_STOP_ORDERED)
        rhb_loop_stop_last(loop, atomic_load_explicit(&loop->patience, memory_order_relaxed));
}

/* ---- the handshakes of a final stop ---- */

static bool has_handshakes(const struct rhb_loop *loop)
{
    for (size_t i = 0; i < loop->n_listeners; i++)
        if (loop->listeners[i].closing && rhb_port_has_handshakes(loop->listeners[i].fd))
            return true;
    return false;
}

/* A connection whose handshake ends is to be accepted too. Handshakes are looked at before the
 * queue, since connections move from the one to the other. */
static void await_handshakes(struct rhb_loop *loop, uint64_t now)
{
    if (now < loop->handshakes_until && has_handshakes(loop))
        loop->accept_again_at = rhb_now_exact() + HANDSHAKE_STEP; /* the look takes milliseconds */
    else
        loop->handshakes_until = 0;
    for (size_t i = 0; i < loop->n_listeners; i++)
        if (loop->listeners[i].closing)
            loop->listeners[i].to_accept = UINT32_MAX; /* all that are there: no new ones come */
}

bool rhb_stop_still_accepts(struct rhb_loop *loop)
{
    uint64_t now = rhb_now_exact(); /* as the wait before has it (waiting.c) */
    if (loop->handshakes_until == 0 && loop->accept_again_at == 0)
        return false;
    if (now < loop->accept_again_at)
        return true;
    loop->accept_again_at = 0;
    if (loop->handshakes_until != 0)
        await_handshakes(loop, now);
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = loop->listeners[i].to_accept > 0;
    return loop->handshakes_until != 0 || rhb_listeners_ready(loop);
}

bool rhb_loop_accepts(const struct rhb_loop *loop)
{
    return !loop->stopping || loop->handshakes_until != 0 || loop->accept_again_at != 0 ||
           rhb_listeners_ready(loop);
}

void rhb_loop_release_listeners(struct rhb_loop *loop)
{
    loop->n_listeners = 0;
    loop->handshakes_until = loop->accept_again_at = 0;
}
