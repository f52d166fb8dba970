#include "lap.h"
#include "loop.h"
#include "socket_io.h"

void rhb_lap_add(const struct rhb_lap *lap, struct rhb_board *board, uint64_t now)
{
    uint64_t took = now - lap->began; /* a thread of the application may have waited after that */
    rhb_histogram_add(&board->queue, lap->front + (lap->began - lap->arrived));
    rhb_histogram_add(&board->application, lap->away < took ? took - lap->away : 0);
    rhb_histogram_add(&board->total, now - lap->arrived);
}

void rhb_lap_add_answered(const struct rhb_lap *lap, struct rhb_board *board, uint64_t now)
{
    rhb_histogram_add(&board->total, now - lap->arrived);
}

/* ---- the begin ---- */

/* What epoll has reported after a wait has come at the end of that wait. */
static bool has_waited(const struct rhb_loop *loop)
{
    return loop->slept_ns >= RHB_NS_PER_MS;
}

/* The kernel knows when the bytes came. Not before the last look: that would have shown them. */
static void ask_kernel(struct rhb_loop *loop, const struct rhb_conn *conn)
{
    uint64_t before = rhb_since_received(conn->fd), most = loop->read_at - loop->report_before;
    if (before > most)
        before = most;
    if (before > loop->read_at - loop->arrived)
        loop->arrived = loop->read_at - before;
}

/* Whether nobody has looked for long before the request was reported. */
static bool may_have_waited(struct rhb_loop *loop)
{
    if (loop->reported_at != loop->report) {
        loop->report_before = loop->report;
        loop->report = loop->reported_at;
    }
    return !has_waited(loop) && loop->report - loop->report_before > RHB_LAP_UNSEEN;
}

void rhb_lap_begin_late(struct rhb_loop *loop, const struct rhb_conn *conn)
{
    if (loop->shared)
        loop->read_at = rhb_now_exact(); /* other threads have run since the last one */
    else if (has_waited(loop))
        loop->look_back = false;
    if (may_have_waited(loop) && !loop->listeners[conn->listener].is_unix)
        ask_kernel(loop, conn);
    if (!loop->shared)
        return;
    loop->lane->lap = (struct rhb_lap){.arrived = loop->arrived, .began = loop->read_at};
    loop->arrived = loop->reported_at;
}

struct rhb_lap rhb_lap_of(const struct rhb_loop *loop, const struct rhb_lane *lane)
{
    if (loop->shared)
        return lane->lap;
    return (struct rhb_lap){
        .arrived = loop->arrived, .began = loop->read_at, .front = lane->lap.front};
}

/* A proxy whose clock is ahead of ours says nothing. The request is counted as one that has waited:
 * a nanosecond tells it from the usual ones (count, rhb_lap_settle). */
void rhb_lap_front(struct rhb_loop *loop, struct rhb_lane *lane, uint64_t since)
{
    struct timespec now;
    if (!loop->timed)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t here = (uint64_t)now.tv_sec * RHB_NS_PER_SECOND + (uint64_t)now.tv_nsec;
    uint64_t *arrived = loop->shared ? &lane->lap.arrived : &loop->arrived;
    here -= rhb_now_exact() - *arrived;
    if (here <= since)
        return;
    lane->lap.front = here - since;
    --*arrived;
}

/* ---- the end ---- */

static void count(const struct rhb_lap *lap, struct rhb_board *board, uint64_t now)
{
    if (lap->began == lap->arrived)
        rhb_histogram_add(&board->prompt, now - lap->began);
    else
        rhb_lap_add(lap, board, now);
}

void rhb_lap_settle_other(struct rhb_loop *loop, struct rhb_lane *lane, uint64_t now)
{
    enum rhb_lap_due due = lane->due;
    struct rhb_lap lap = rhb_lap_of(loop, lane);
    if (due == RHB_LAP_NOTHING)
        return;
    lane->due = RHB_LAP_NOTHING;
    if (due == RHB_LAP_END)
        count(&lap, loop->board, now);
    else if (due == RHB_LAP_ANSWERED)
        rhb_lap_add_answered(&lap, loop->board, now);
    lane->lap.front = 0;
    if (!loop->shared && now - loop->read_at > RHB_LAP_UNSEEN)
        loop->look_back = true;
}

void rhb_lap_read(struct rhb_loop *loop, struct rhb_lane *lane)
{
    uint64_t now = rhb_now_exact();
    if (loop->shared) {
        rhb_lap_settle_other(loop, lane, now);
        return;
    }
    rhb_lap_settle(loop, lane, now);
    loop->read_at = now;
    loop->arrived = loop->reported_at;
}
