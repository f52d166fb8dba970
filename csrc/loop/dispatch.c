/* rhb_loop_poll: which thing is done next. In this order: deadlines, a listener that has just been
 * reported, the events that epoll has reported, then the ready list and the listeners in turn.
 * epoll is asked in between, when bodies have been received for long enough. */
#include "answers.h"
#include "caching.h"
#include "intake.h"
#include "lingering.h"
#include "listeners.h"
#include "loop.h"
#include "pace.h"
#include "parcel.h"
#include "parking.h"
#include "refusal.h"
#include "socket_io.h"
#include "stopping.h"
#include "transfers.h"
#include "waiting.h"
#include <poll.h>
#include <unistd.h>

enum { POLL_EPOLL_EVERY = 32 /* requests, while there is always something to do */ };

/* ---- events ---- */

static enum rhb_event conn_event(struct rhb_loop *loop, struct rhb_conn *conn, uint32_t events)
{
    if (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->more = true; /* a recv stops at urgent data, and before an end or an error */
    switch (conn->state) {
    case RHB_CONN_FRESH:
    case RHB_CONN_HEAD:
    case RHB_CONN_BODY:
    case RHB_CONN_IDLE:
        return rhb_intake(loop, conn);
    case RHB_CONN_SEND:
        if (!(events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
            conn->more = true;
            return RHB_EVENT_NONE;
        }
        rhb_unpark(loop, conn);
        return RHB_EVENT_WRITABLE;
    case RHB_CONN_LINGER:
        rhb_conn_linger(loop, conn);
        return RHB_EVENT_NONE;
    default: /* READY, BUSY: it is read later */
        conn->more = true;
        return RHB_EVENT_NONE;
    }
}

/* One read only, since the pipe may be a blocking one: epoll reports again what is left. */
static enum rhb_event drain_wakeup(struct rhb_loop *loop)
{
    char bytes[64];
    ssize_t n = read(loop->wakeup, bytes, sizeof bytes);
    if (n == 0) /* no writer is left, and epoll would report that for ever */
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->wakeup, NULL);
    rhb_stop_as_ordered(loop);
    return RHB_EVENT_WAKE;
}

static enum rhb_event next_event(struct rhb_loop *loop, struct rhb_conn **conn)
{
    rhb_loop_settle(loop, loop->lane); /* the last request ends before other input is looked at */
    const struct epoll_event *event = &loop->events[loop->at_event++];
    uint64_t data = event->data.u64;
    if (data == 0) /* a connection that was closed meanwhile, or a listener */
        return RHB_EVENT_NONE;
    if (data == RHB_TAG_WAKEUP)
        return drain_wakeup(loop);
    *conn = event->data.ptr;
    return conn_event(loop, *conn, event->events);
}

static enum rhb_event next_ready(struct rhb_loop *loop, struct rhb_conn **conn)
{
    loop->served_since_epoll++;
    *conn = (struct rhb_conn *)loop->ready.next;
    rhb_loop_settle(loop, loop->lane);
    loop->arrived = (*conn)->ready_since;
    rhb_unpark(loop, *conn);
    return rhb_intake(loop, *conn);
}

/* A connection of another worker, or a new one. */
static enum rhb_event next_fresh(struct rhb_loop *loop, struct rhb_conn **conn)
{
    bool taken =
        rhb_transfers_ready(loop) && (!rhb_listeners_ready(loop) || rhb_transfers_turn(loop));
    loop->served_since_epoll++;
    loop->take_first = !taken;
    rhb_loop_settle(loop, loop->lane);
    loop->arrived = loop->read_at;
    *conn = taken ? rhb_transfers_take(loop) : rhb_listeners_accept(loop);
    return *conn != NULL ? rhb_intake(loop, *conn) : RHB_EVENT_NONE;
}

/* Requests that other workers have sent have waited for some milliseconds already. So they come
 * before the own events, or in turn with those that have been there for a while too. */
static bool takes_before_events(struct rhb_loop *loop)
{
    if (!loop->parcels.ready)
        return false;
    loop->take_first = loop->at_event >= loop->seen_events || !loop->take_first;
    return loop->take_first;
}

/* ---- deadlines ---- */

/* Whether the client was in time and the loop has not seen it yet, because the application was
 * running. */
static bool was_in_time(const struct rhb_conn *conn)
{
    struct pollfd fd = {.fd = conn->fd, .events = conn->state == RHB_CONN_SEND ? POLLOUT : POLLIN};
    return conn->state != RHB_CONN_LINGER && conn->state != RHB_CONN_WAIT && poll(&fd, 1, 0) > 0;
}

/* RFC 9110 section 15.5.9: a client that has sent a part of a request gets a 408; the connection of
 * one that has sent nothing is just closed. A client that does not read its response gets a reset:
 * after a close the kernel would keep the unsent bytes and go on trying to send them. */
static enum rhb_event expire(struct rhb_loop *loop, struct rhb_conn *conn)
{
    if (was_in_time(conn))
        return conn_event(loop, conn, conn->state == RHB_CONN_SEND ? EPOLLOUT : EPOLLIN);
    switch (conn->state) {
    case RHB_CONN_SEND:
        if (rhb_response_moves(loop, conn->fd, &conn->unsent)) {
            rhb_park_again(loop, conn);
            return RHB_EVENT_NONE;
        }
        rhb_unpark(loop, conn);
        rhb_reset_on_close(conn->fd);
        return RHB_EVENT_LOST;
    case RHB_CONN_HEAD:
    case RHB_CONN_BODY:
        return rhb_refuse(loop, conn, 408, NULL);
    case RHB_CONN_WAIT:
        rhb_caching_wait_no_more(loop, conn);
        return RHB_EVENT_NONE;
    default:
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
}

static enum rhb_event next_expired(struct rhb_loop *loop, struct rhb_conn **conn)
{
    uint64_t now = loop->reported_at; /* time has passed in the last wait only (tick) */
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++) {
        struct rhb_link *head = &loop->parked[state];
        while (!rhb_list_empty(head)) {
            *conn = (struct rhb_conn *)head->next;
            if ((*conn)->deadline > now)
                break;
            enum rhb_event event = expire(loop, *conn);
            if (event != RHB_EVENT_NONE)
                return event;
        }
    }
    loop->check_deadlines = false;
    if (!rhb_list_empty(&loop->moved))
        rhb_parcel_free_moved(loop);
    return RHB_EVENT_NONE;
}

/* ---- the order ---- */

static enum rhb_event nothing_to_do(struct rhb_loop *loop)
{
    if (!loop->stopping)
        return RHB_EVENT_WAIT;
    if (rhb_stop_still_accepts(loop))
        return rhb_listeners_ready(loop) ? RHB_EVENT_NONE : RHB_EVENT_WAIT;
    if (loop->open > 0)
        return RHB_EVENT_WAIT;
    rhb_parcel_free_moved(loop);
    return rhb_transfers_may_be_left(loop) ? RHB_EVENT_NONE : RHB_EVENT_DRAINED;
}

static enum rhb_event next(struct rhb_loop *loop, struct rhb_conn **conn)
{
    if (loop->check_deadlines)
        return next_expired(loop, conn);
    if (loop->fresh_first) {
        loop->fresh_first = false;
        return next_fresh(loop, conn);
    }
    if (loop->body_ns >= RHB_BODY_SHARE) {
        rhb_poll_epoll(loop);
        return RHB_EVENT_NONE;
    }
    if (takes_before_events(loop))
        return next_fresh(loop, conn);
    if (loop->at_event < loop->n_events)
        return next_event(loop, conn);
    bool ready = !rhb_list_empty(&loop->ready),
         fresh = rhb_listeners_ready(loop) || rhb_transfers_ready(loop);
    if (!ready && !fresh)
        return nothing_to_do(loop);
    if (loop->served_since_epoll >= POLL_EPOLL_EVERY) {
        rhb_poll_epoll(loop);
        return RHB_EVENT_NONE;
    }
    loop->ready_first = !loop->ready_first;
    return ready && (loop->ready_first || !fresh) ? next_ready(loop, conn) : next_fresh(loop, conn);
}

static inline enum rhb_event next_of_any_kind(struct rhb_loop *loop, struct rhb_conn **conn)
{
    enum rhb_event event;
    do
        event = loop->in_grace != NULL ? RHB_EVENT_WAIT : next(loop, conn);
    while (event == RHB_EVENT_NONE);
    return event;
}

enum rhb_event rhb_loop_poll(struct rhb_loop *loop, struct rhb_conn **conn)
{
    enum rhb_event event;
    *conn = NULL;
    do {
        event = next_of_any_kind(loop, conn);
        if (loop->n_answerers == 0 ||
            (event == RHB_EVENT_REQUEST ? rhb_answers_pass(loop, *conn) : event > RHB_EVENT_LOST))
            break;
        event = rhb_answers_handle(loop, event, *conn);
    } while (event == RHB_EVENT_NONE);
    return event;
}
