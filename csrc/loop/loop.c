#define _GNU_SOURCE
#include "loop.h"
#include "body_turns.h"
#include "intake.h"
#include "listeners.h"
#include "pace.h"
#include "parking.h"
#include "refusal.h"
#include "socket_io.h"
#include "stopping.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    GRACE_MS = 1,
    GRACE_MISS = 2,  /* credit that a grace in vain costs; one in time earns 1 */
    LOOK_EVERY = 32, /* requests between two looks at epoll while there is always something to do */
    AT_ONCE_NS = 5000 /* a wait shorter than this was none */
};
#define TICK RHB_NS_PER_SECOND

/* ---- life ---- */

static bool register_wakeup(struct rhb_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = RHB_TAG_WAKEUP};
    return loop->wakeup < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wakeup, &event) == 0;
}

static void free_lane(struct rhb_lane *lane)
{
    free(lane->drop);
    free(lane->buffer);
    free(lane->path);
    free(lane->request.head.fields);
    free(lane);
}

struct rhb_lane *rhb_loop_add_lane(struct rhb_loop *loop)
{
    struct rhb_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->buffer = malloc(RHB_READ_SIZE);
    lane->path = malloc(loop->options.limits.line);
    lane->request.head.fields = calloc(loop->options.max_fields, sizeof(struct phr_header));
    lane->score = &lane->no_score;
    if (!lane->buffer || !lane->path || !lane->request.head.fields) {
        free_lane(lane);
        errno = ENOMEM;
        return NULL;
    }
    lane->next = loop->lanes;
    loop->lanes = lane;
    return lane;
}

static bool allocate(struct rhb_loop *loop, const struct rhb_listener *listeners, size_t count)
{
    loop->lane = rhb_loop_add_lane(loop);
    loop->listeners = calloc(count ? count : 1, sizeof *listeners);
    if (!loop->lane || !loop->listeners)
        return false;
    memcpy(loop->listeners, listeners, count * sizeof *listeners);
    loop->n_listeners = count;
    return true;
}

struct rhb_loop *rhb_loop_new(const struct rhb_loop_options *options,
                              const struct rhb_listener *listeners, size_t n_listeners, int wakeup)
{
    if (n_listeners > RHB_MAX_LISTENERS) {
        errno = EINVAL;
        return NULL;
    }
    struct rhb_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->options = *options;
    if (options->max_connections == 0)
        loop->options.max_connections = UINT32_MAX;
    loop->wakeup = wakeup;
    loop->grace_credit = RHB_GRACE_CREDIT;
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        rhb_list_init(&loop->parked[state]);
    rhb_list_init(&loop->ready);
    rhb_list_init(&loop->awaiting_turn);
    rhb_list_init(&loop->spare);
    rhb_list_init(&loop->limbo);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0 || !allocate(loop, listeners, n_listeners) || !register_wakeup(loop) ||
        !rhb_listeners_arm(loop)) {
        int error = errno;
        rhb_loop_free(loop);
        errno = error;
        return NULL;
    }
    return loop;
}

static void close_all(struct rhb_loop *loop, struct rhb_link *head)
{
    while (!rhb_list_empty(head))
        rhb_conn_close(loop, (struct rhb_conn *)head->next);
}

static void free_lanes(struct rhb_loop *loop)
{
    while (loop->lanes != NULL) {
        struct rhb_lane *lane = loop->lanes;
        rhb_loop_enter(loop, lane);
        if (lane->at_hand != NULL)
            rhb_loop_abort(loop, lane->at_hand);
        loop->lanes = lane->next;
        free_lane(lane);
    }
}

void rhb_loop_free(struct rhb_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->in_grace != NULL)
        rhb_conn_close(loop, loop->in_grace);
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        close_all(loop, &loop->parked[state]);
    close_all(loop, &loop->ready);
    close_all(loop, &loop->awaiting_turn);
    free_lanes(loop);
    rhb_parking_free_closed(loop);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->listeners);
    free(loop);
}

void rhb_loop_forked(struct rhb_loop *loop)
{
    close(loop->epoll);
    loop->epoll = -1;
    loop->forked = true;
}

/* ---- finding something to do ---- */

static enum rhb_event conn_event(struct rhb_loop *loop, struct rhb_conn *conn, uint32_t events)
{
    if (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->more = true; /* a read ends at urgent data, and before an end or an error */
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
        rhb_unpark(conn);
        return RHB_EVENT_WRITABLE;
    case RHB_CONN_LINGER:
        rhb_conn_linger(loop, conn);
        return RHB_EVENT_NONE;
    default: /* READY, BUSY: its turn comes, and then it reads */
        conn->more = true;
        return RHB_EVENT_NONE;
    }
}

/* One read, since the pipe may be a blocking one: what is left is reported again. */
static enum rhb_event drain_wakeup(struct rhb_loop *loop)
{
    char bytes[64];
    ssize_t n = read(loop->wakeup, bytes, sizeof bytes);
    if (n == 0) /* nobody can write any more, and epoll would say so for ever */
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->wakeup, NULL);
    return RHB_EVENT_WAKE;
}

static enum rhb_event next_event(struct rhb_loop *loop, struct rhb_conn **conn)
{
    const struct epoll_event *event = &loop->events[loop->at_event++];
    uint64_t data = event->data.u64;
    if (data == 0) /* closed meanwhile, or a listener */
        return RHB_EVENT_NONE;
    if (data == RHB_TAG_WAKEUP)
        return drain_wakeup(loop);
    *conn = event->data.ptr;
    return conn_event(loop, *conn, event->events);
}

static enum rhb_event next_ready(struct rhb_loop *loop, struct rhb_conn **conn)
{
    loop->served_since_look++;
    *conn = (struct rhb_conn *)loop->ready.next;
    rhb_unpark(*conn);
    return rhb_intake(loop, *conn);
}

static enum rhb_event next_fresh(struct rhb_loop *loop, struct rhb_conn **conn)
{
    loop->served_since_look++;
    *conn = rhb_listeners_accept(loop);
    return *conn != NULL ? rhb_intake(loop, *conn) : RHB_EVENT_NONE;
}

/* Whether the client did its part in time and the loop has not looked since: the application was
 * busy. */
static bool was_in_time(const struct rhb_conn *conn)
{
    struct pollfd fd = {.fd = conn->fd, .events = conn->state == RHB_CONN_SEND ? POLLOUT : POLLIN};
    return conn->state != RHB_CONN_LINGER && poll(&fd, 1, 0) > 0;
}

/* RFC 9110 section 15.5.9: a client that has begun a request is told; one that has not is not. To
 * one that does not read the connection is reset: closing would leave a full buffer with the
 * kernel, which goes on trying. */
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
        rhb_unpark(conn);
        rhb_reset_on_close(conn->fd);
        return RHB_EVENT_LOST;
    case RHB_CONN_HEAD:
    case RHB_CONN_BODY:
        rhb_refuse(loop, conn, 408, NULL);
        return RHB_EVENT_NONE;
    default:
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
}

static enum rhb_event next_expired(struct rhb_loop *loop, struct rhb_conn **conn)
{
    uint64_t now = rhb_now_coarse();
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
    loop->look_at_deadlines = false;
    return RHB_EVENT_NONE;
}

/* 0: no line waits. */
static uint64_t log_due(const struct rhb_loop *loop)
{
    return loop->access_log != NULL ? rhb_access_log_due(loop->access_log) : 0;
}

static void flush_log(struct rhb_loop *loop, uint64_t now)
{
    uint64_t due = log_due(loop);
    if (due != 0 && now >= due)
        rhb_access_log_flush(loop->access_log);
}

static void tick(struct rhb_loop *loop)
{
    uint64_t now = rhb_now_coarse();
    loop->look_at_deadlines = true;
    flush_log(loop, now);
    if (now >= loop->tick_at || (loop->accept_again_at != 0 && now >= loop->accept_again_at)) {
        loop->tick_at = now + TICK;
        rhb_listeners_tick(loop, now);
    }
}

/* Listeners first: the wake-up for a fresh connection came to this worker alone, and nobody else
 * will take it while this one is busy with its own. */
static void note_listeners(struct rhb_loop *loop)
{
    for (int i = 0; i < loop->n_events; i++) {
        struct epoll_event *event = &loop->events[i];
        if (!(event->data.u64 & RHB_TAG_LISTENER))
            continue;
        uint64_t address = event->data.u64 & ~RHB_TAG_LISTENER;
        rhb_listeners_woke(loop, (struct rhb_listener *)(uintptr_t)address, event->events);
        event->data.u64 = 0;
        loop->fresh_first = true;
    }
}

/* epoll's answer to a call that took so long. */
static void take_events(struct rhb_loop *loop, int n, uint64_t took_ns)
{
    loop->woke_at_once = took_ns < AT_ONCE_NS;
    loop->n_events = n > 0 ? n : 0;
    loop->at_event = 0;
    loop->served_since_look = 0;
    note_listeners(loop);
    rhb_body_turns_look(loop, n <= 0);
    tick(loop);
}

static void ask_epoll(struct rhb_loop *loop)
{
    uint64_t before = rhb_now_exact();
    int n = epoll_wait(loop->epoll, loop->events, RHB_EVENTS, 0);
    take_events(loop, n, rhb_now_exact() - before);
}

static enum rhb_event nothing_to_do(struct rhb_loop *loop)
{
    if (!loop->stopping)
        return RHB_EVENT_WAIT;
    if (rhb_stop_awaits(loop))
        return rhb_listeners_ready(loop) ? RHB_EVENT_NONE : RHB_EVENT_WAIT;
    return loop->open == 0 ? RHB_EVENT_DRAINED : RHB_EVENT_WAIT;
}

static enum rhb_event next(struct rhb_loop *loop, struct rhb_conn **conn)
{
    if (loop->look_at_deadlines)
        return next_expired(loop, conn);
    if (loop->fresh_first) {
        loop->fresh_first = false;
        return next_fresh(loop, conn);
    }
    if (loop->at_event < loop->n_events)
        return next_event(loop, conn);
    bool ready = !rhb_list_empty(&loop->ready), fresh = rhb_listeners_ready(loop);
    if (!ready && !fresh)
        return nothing_to_do(loop);
    if (loop->served_since_look >= LOOK_EVERY) {
        ask_epoll(loop);
        return RHB_EVENT_NONE;
    }
    loop->ready_turn = !loop->ready_turn;
    return ready && (loop->ready_turn || !fresh) ? next_ready(loop, conn) : next_fresh(loop, conn);
}

enum rhb_event rhb_loop_poll(struct rhb_loop *loop, struct rhb_conn **conn)
{
    enum rhb_event event;
    *conn = NULL;
    do
        event = loop->in_grace != NULL ? RHB_EVENT_WAIT : next(loop, conn);
    while (event == RHB_EVENT_NONE);
    return event;
}

/* ---- waiting ---- */

static void after_grace(struct rhb_loop *loop, bool in_time)
{
    struct rhb_conn *conn = loop->in_grace;
    loop->in_grace = NULL;
    if (in_time)
        loop->grace_credit += loop->grace_credit < RHB_GRACE_CREDIT;
    else if (loop->grace_credit > 0)
        loop->grace_credit -= GRACE_MISS;
    rhb_make_ready(loop, conn);
}

static uint64_t wake_at(const struct rhb_loop *loop)
{
    if (!rhb_list_empty(&loop->awaiting_turn))
        return 0;
    uint64_t until = rhb_parking_earliest(loop), due = log_due(loop);
    if (loop->tick_at < until)
        until = loop->tick_at;
    if (due != 0 && due < until)
        until = due;
    if (loop->accept_again_at != 0 && loop->accept_again_at < until)
        until = loop->accept_again_at;
    return until;
}

static int ms_until(uint64_t until)
{
    uint64_t now = rhb_now_coarse();
    return until <= now ? 0 : (int)((until - now + RHB_NS_PER_MS - 1) / RHB_NS_PER_MS);
}

int rhb_loop_before_sleep(struct rhb_loop *loop)
{
    if (loop->in_grace != NULL)
        return GRACE_MS;
    loop->sleeping = true;
    loop->n_events = loop->at_event = 0;
    flush_log(loop, rhb_now_coarse());
    loop->wakes_at = wake_at(loop);
    return ms_until(loop->wakes_at);
}

void rhb_loop_sleep(struct rhb_loop *loop, int timeout_ms)
{
    if (loop->in_grace != NULL) {
        struct pollfd fd = {.fd = loop->in_grace->fd, .events = POLLIN | POLLRDHUP};
        loop->sleep_result = poll(&fd, 1, timeout_ms);
        return;
    }
    uint64_t before = rhb_now_exact();
    loop->sleep_result = epoll_wait(loop->epoll, loop->events, RHB_EVENTS, timeout_ms);
    loop->slept_ns = rhb_now_exact() - before;
}

void rhb_loop_after_sleep(struct rhb_loop *loop)
{
    loop->sleeping = false;
    if (loop->in_grace != NULL) {
        after_grace(loop, loop->sleep_result > 0);
    } else {
        rhb_parking_forget_closed(loop, loop->sleep_result);
        take_events(loop, loop->sleep_result, loop->slept_ns);
    }
}

void rhb_loop_wait(struct rhb_loop *loop)
{
    rhb_loop_sleep(loop, rhb_loop_before_sleep(loop));
    rhb_loop_after_sleep(loop);
}

/* ---- ending ---- */

bool rhb_loop_may_keep(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    const struct rhb_loop_options *options = &loop->options;
    return options->keep_alive && !loop->stopping && loop->lane->request.framing.keep_alive &&
           (options->max_keepalive_requests == 0 ||
            conn->requests < options->max_keepalive_requests);
}

/* Whether the client may be sending a next request: it asked to be kept where connections are kept.
 * Of a response that had to wait nobody knows any more. */
static bool may_go_on(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    return loop->lane->at_hand != conn ||
           (loop->options.keep_alive && loop->lane->request.framing.keep_alive);
}

/* Whether the client has sent more than was read. Looks only where that is not known already. */
static bool has_unread(struct rhb_loop *loop, struct rhb_conn *conn)
{
    size_t got;
    return conn->more && rhb_recv(conn->fd, loop->lane->buffer, RHB_READ_SIZE, &got) == RHB_IO_OK;
}

/* Over TCP the end of the response is held back by the kernel (rhb_send_more), so that it leaves in
 * one packet with the end of the connection, which costs a quarter less than two. That end is sent
 * by itself, since a close(2) with bytes unread drops what is held back, and does nothing while a
 * child of the application holds the socket. */
static void end_sending(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    if (!loop->listeners[conn->listener].is_unix || loop->forks)
        shutdown(conn->fd, SHUT_WR);
}

/* RFC 9112 section 9.6: closing with bytes unread is a reset, and may take the response with it. */
void rhb_loop_done(struct rhb_loop *loop, struct rhb_conn *conn, bool keep)
{
    bool linger = may_go_on(loop, conn);
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
}

bool rhb_loop_needs_attention(const struct rhb_loop *loop)
{
    return loop->stopping || !rhb_list_empty(&loop->ready) ||
           (loop->sleeping && wake_at(loop) < loop->wakes_at);
}

size_t rhb_loop_owners(const struct rhb_loop *loop, void **owners, size_t cap)
{
    const struct rhb_link *head = &loop->parked[RHB_CONN_SEND];
    size_t count = 0;
    for (struct rhb_link *link = head->next; link != head && count < cap; link = link->next)
        owners[count++] = ((struct rhb_conn *)link)->owner;
    return count;
}

void *rhb_loop_next_owner(struct rhb_loop *loop)
{
    struct rhb_link *head = &loop->parked[RHB_CONN_SEND];
    if (rhb_list_empty(head))
        return NULL;
    struct rhb_conn *conn = (struct rhb_conn *)head->next;
    void *owner = conn->owner;
    rhb_conn_close(loop, conn);
    return owner;
}
