#define _GNU_SOURCE /* POLLRDHUP */
/* Two kinds of wait. The usual one is epoll_wait, until an event, a deadline or the next tick.
 *
 * The other one is the grace wait: a connection that has just been accepted and has sent nothing
 * yet gets a millisecond before it is parked, since parking costs more than a request. Grace waits
 * that end in time earn credit, others cost credit; without credit they are rare (intake.c). */
#include "waiting.h"
#include "answers.h"
#include "balance.h"
#include "base/heap.h"
#include "body_turns.h"
#include "caching.h"
#include "listeners.h"
#include "parking.h"
#include "transfers.h"
#include <poll.h>

enum {
    GRACE_MS = 1,
    GRACE_MISS = 2,   /* credit that a grace wait without bytes costs; one with bytes earns 1 */
    AT_ONCE_NS = 5000 /* epoll_wait has not waited when it took less */
};
#define TICK RHB_NS_PER_SECOND
#define SETTLING (50 * RHB_NS_PER_MS)      /* until connections that come together are all there */
#define WORTH_TRIMMING (UINT64_C(1) << 20) /* bytes that have been freed */

/* ---- reports of requests, which are flushed with a delay ---- */

/* When, in coarse monotonic ns; 0: nothing to flush. */
static uint64_t flush_due(const struct rhb_loop *loop)
{
    return loop->reports != NULL ? rhb_reports_due(loop->reports) : 0;
}

/* Whether it was time. */
static bool flush_reports(struct rhb_loop *loop, uint64_t now)
{
    uint64_t due = flush_due(loop);
    if (due == 0 || now < due)
        return false;
    rhb_reports_flush(loop->reports, now); /* which never waits (access_log.h) */
    return true;
}

/* ---- the result of epoll_wait ---- */

/* Bodies that never became complete leave pages that no other allocation may ever use. */
static void give_memory_back(struct rhb_loop *loop)
{
    if (loop->freed < WORTH_TRIMMING)
        return;
    loop->freed = 0;
    rhb_heap_trim();
}

/* To the other workers, and to operators. */
static void show_connections(struct rhb_loop *loop)
{
    atomic_store_explicit(&loop->worker->open, (uint32_t)loop->open, memory_order_relaxed);
    atomic_store_explicit(&loop->worker->staying, (uint32_t)loop->registered, memory_order_relaxed);
}

static_assert((int)RHB_BOARD_STATES == (int)RHB_CONN_WAIT, "all but those that wait for another");

/* To operators only. */
static void show_parked(struct rhb_loop *loop)
{
    for (int state = 0; state < RHB_BOARD_STATES; state++)
        loop->board->parked[state] = loop->n_parked[state];
}

/* idle: nothing has happened for a while. */
static void tick(struct rhb_loop *loop, bool idle)
{
    uint64_t now = loop->reported_at; /* has just been read */
    loop->check_deadlines = true;
    rhb_score_alive(loop->lane->score, now);
    flush_reports(loop, now);
    if (now >= loop->tick_at && idle)
        give_memory_back(loop);
    if (loop->balance_at != 0 && now >= loop->balance_at) {
        loop->balance_at = 0;
        rhb_balance(loop, true);
    }
    if (now >= loop->tick_at || (loop->accept_again_at != 0 && now >= loop->accept_again_at)) {
        loop->tick_at = now + TICK;
        rhb_listeners_tick(loop, now);
        rhb_transfers_tick(loop);
        rhb_answers_tick(loop, now);
        rhb_balance(loop, true);
        show_connections(loop);
        show_parked(loop);
        if (loop->cache != NULL)
            rhb_caching_tick(loop);
    }
}

/* Listeners come before other events: for a new connection only this worker was woken, and no other
 * one will accept it while this one is busy with its own connections. The same is true of
 * connections of other workers. */
static void note_listeners(struct rhb_loop *loop)
{
    for (int i = 0; i < loop->n_events; i++) {
        struct epoll_event *event = &loop->events[i];
        uint64_t data = event->data.u64;
        if (data & RHB_TAG_LISTENER)
            rhb_listeners_reported(
                loop, (struct rhb_listener *)(uintptr_t)(data & ~RHB_TAG_LISTENER), event->events);
        else if (data > RHB_TAG_CACHE)
            continue;
        else if (data == RHB_TAG_WAITING)
            rhb_transfers_reported(loop);
        else if (data == RHB_TAG_SURPLUS)
            loop->parcels.look = true;
        else if (data == RHB_TAG_CACHE)
            loop->cache_woken = true;
        else
            continue;
        event->data.u64 = 0;
        loop->fresh_first = true;
    }
}

/* Nothing is left to do: this worker can take from others, or give to them. */
static void offer(struct rhb_loop *loop)
{
    if (loop->has_grown) {
        loop->balance_at = rhb_now_coarse() + SETTLING;
        rhb_balance(loop, false);
    }
    show_connections(loop);
    atomic_store_explicit(&loop->slept, false, memory_order_relaxed);
    /* who sees that this worker waits sees its connections too (balance.c) */
    atomic_store_explicit(&loop->worker->waiting, 1, memory_order_release);
}

static void end_offer(struct rhb_loop *loop)
{
    atomic_store(&loop->worker->waiting, 0); /* before mover_sleeps is looked at (mover.c) */
    atomic_store_explicit(&loop->slept, true, memory_order_release);
}

/* n: what epoll_wait returned, after so many nanoseconds, at reported_at. Its events are behind
 * `kept` others, which have not been handled. */
static void set_events(struct rhb_loop *loop, int kept, int n, uint64_t took_ns)
{
    bool receiving = loop->body_ns >= RHB_BODY_SHARE;
    loop->woke_at_once = took_ns < AT_ONCE_NS;
    loop->read_at = loop->arrived = loop->reported_at;
    loop->n_events = kept + (n > 0 ? n : 0);
    loop->at_event = 0;
    loop->served_since_epoll = 0;
    loop->body_ns = 0;
    note_listeners(loop);
    if (loop->cache_woken)
        rhb_caching_look(loop);
    rhb_body_turns_update(loop, n <= 0 && !receiving);
    tick(loop, n == 0 && !loop->woke_at_once);
}

void rhb_poll_epoll(struct rhb_loop *loop)
{
    int kept = loop->n_events - loop->at_event, n = 0;
    uint64_t before = rhb_now_exact();
    rhb_lap_settle(loop, loop->lane, before);
    loop->seen_events -= loop->seen_events < loop->at_event ? loop->seen_events : loop->at_event;
    memmove(loop->events, loop->events + loop->at_event, (size_t)kept * sizeof *loop->events);
    if (kept < RHB_EVENTS)
        n = epoll_wait(loop->epoll, loop->events + kept, RHB_EVENTS - kept, 0);
    loop->reported_at = rhb_now_exact();
    loop->slept_ns = 0;
    set_events(loop, kept, n, loop->reported_at - before);
}

/* ---- the wait ---- */

static void after_grace(struct rhb_loop *loop, bool in_time)
{
    struct rhb_conn *conn = loop->in_grace;
    loop->in_grace = NULL;
    loop->read_at = rhb_now_exact();
    if (in_time)
        loop->grace_credit += loop->grace_credit < RHB_GRACE_CREDIT;
    else if (loop->grace_credit > 0)
        loop->grace_credit -= GRACE_MISS;
    rhb_make_ready(loop, conn);
}

/* The latest time to wake, in coarse monotonic ns. */
static uint64_t wake_at(const struct rhb_loop *loop)
{
    if (!rhb_list_empty(&loop->awaiting_turn))
        return 0;
    uint64_t until = rhb_parking_earliest(loop), due = flush_due(loop);
    if (loop->tick_at < until)
        until = loop->tick_at;
    if (due != 0 && due < until)
        until = due;
    if (loop->accept_again_at != 0 && loop->accept_again_at < until)
        until = loop->accept_again_at;
    if (loop->balance_at != 0 && loop->balance_at < until)
        until = loop->balance_at;
    return until;
}

static int ms_until(uint64_t until, uint64_t now)
{
    return until <= now ? 0 : (int)((until - now + RHB_NS_PER_MS - 1) / RHB_NS_PER_MS);
}

int rhb_loop_before_sleep(struct rhb_loop *loop)
{
    if (loop->in_grace != NULL)
        return GRACE_MS;
    if (loop->channel != NULL)
        offer(loop);
    loop->sleeping = true;
    loop->n_events = loop->at_event = loop->seen_events = 0;
    uint64_t now = rhb_now_exact();
    if (flush_reports(loop, now))
        now = rhb_now_exact();
    loop->sleeps_from = now;
    loop->wakes_at = wake_at(loop);
    return ms_until(loop->wakes_at, now);
}

static inline void sleep_in(struct rhb_loop *loop, int timeout_ms)
{
    if (loop->in_grace != NULL) {
        struct pollfd fd = {.fd = loop->in_grace->fd, .events = POLLIN | POLLRDHUP};
        loop->sleep_result = poll(&fd, 1, timeout_ms);
        return;
    }
    rhb_lap_settle(loop, loop->alone, loop->sleeps_from);
    loop->sleep_result = epoll_wait(loop->epoll, loop->events, RHB_EVENTS, timeout_ms);
    loop->reported_at = rhb_now_exact();
    loop->slept_ns = loop->reported_at - loop->sleeps_from;
    if (loop->channel != NULL)
        end_offer(loop);
}

void rhb_loop_sleep(struct rhb_loop *loop, int timeout_ms)
{
    sleep_in(loop, timeout_ms);
}

static inline void wake_up(struct rhb_loop *loop)
{
    loop->sleeping = false;
    if (loop->in_grace != NULL) {
        after_grace(loop, loop->sleep_result > 0);
    } else {
        rhb_parking_forget_closed(loop, loop->sleep_result);
        set_events(loop, 0, loop->sleep_result, loop->slept_ns);
    }
}

void rhb_loop_after_sleep(struct rhb_loop *loop)
{
    wake_up(loop);
}

void rhb_loop_wait(struct rhb_loop *loop)
{
    sleep_in(loop, rhb_loop_before_sleep(loop));
    wake_up(loop);
}

bool rhb_loop_needs_attention(const struct rhb_loop *loop)
{
    return loop->stopping || !rhb_list_empty(&loop->ready) ||
           (loop->sleeping && wake_at(loop) < loop->wakes_at);
}
