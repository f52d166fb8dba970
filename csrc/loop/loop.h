/* The event loop of one worker: accepts connections, reads whole requests, parks connections that
 * wait, and hands complete requests to the caller. It waits only in rhb_loop_wait.
 *
 * The caller:
 *
 *     while (running) switch (rhb_loop_poll(loop, &conn)) {
 *     RHB_EVENT_REQUEST:  answer the request; then rhb_loop_done or rhb_loop_suspend
 *     RHB_EVENT_WRITABLE: conn->owner sends more; then rhb_loop_done or rhb_loop_suspend
 *     RHB_EVENT_LOST:     conn->owner ends its response; then rhb_loop_abort
 *     RHB_EVENT_NO_BODY_FILE: the file of a body cannot be made or written, and the request has
 *                         been refused: log loop->body_error
 *     RHB_EVENT_ANSWER_FAILED: a file of an answer of C cannot be opened or read: log
 *                         loop->answer_error
 *     RHB_EVENT_ANSWERED: C has answered requests for a while (answers.h): let other threads run
 *     RHB_EVENT_WAKE:     a signal has arrived
 *     RHB_EVENT_WAIT:     nothing to do: rhb_loop_wait
 *     RHB_EVENT_DRAINED:  stopped, and no connection is left
 *     }
 *
 * Only one thread at a time may be in the loop; the caller sees to that. A thread keeps its current
 * request in its lane, and can work on it outside the loop while another thread polls.
 *
 * Files: state.h is the data, options.h the settings, lane.c the lanes. loop.c makes and frees a
 * loop, dispatch.c finds the next event, waiting.c waits, response_end.c ends responses.
 * listeners.c accepts, if capacity.c allows it. intake.c reads requests, body_intake.c the bodies
 * that arrive after their head, body_turns.c says which large bodies are received now, refusal.c
 * answers bad requests, answers.c those that need no application. channel.c, parcel.c, balance.c
 * and mover.c let connections move between the workers; presence.h says who may be in the loop.
 * parking.c keeps the lists of waiting connections, lingering.c closes connections so that their
 * clients get the whole response, pace.c finds clients that are too slow, stopping.c ends the loop.
 */
#ifndef RHB_LOOP_H
#define RHB_LOOP_H

#include "state.h"

enum rhb_event {
    RHB_EVENT_NONE, /* inside the loop only: nothing for the caller */
    RHB_EVENT_READ, /* inside intake.c only: the head is not whole, and more may be there */
    RHB_EVENT_REQUEST,
    RHB_EVENT_WRITABLE,
    RHB_EVENT_LOST, /* up to here they may concern answers of C (answers.h) */
    RHB_EVENT_NO_BODY_FILE,
    RHB_EVENT_ANSWER_FAILED,
    RHB_EVENT_ANSWERED,
    RHB_EVENT_WAKE,
    RHB_EVENT_WAIT,
    RHB_EVENT_DRAINED
};

/* ---- life ---- */

/* A loop with these listeners, of which fd and is_unix are read. wakeup: a descriptor that becomes
 * readable when a signal arrives; -1: none. The descriptors remain the caller's. Returns NULL with
 * errno set. */
struct rhb_loop *rhb_loop_new(const struct rhb_loop_options *options,
                              const struct rhb_listener *listeners, size_t n_listeners, int wakeup);

/* Closes every connection and frees the loop; NULL is allowed. The owners must have been released
 * before (rhb_loop_next_owner). */
void rhb_loop_free(struct rhb_loop *loop);

/* For a process that the application has forked: closes the epoll descriptor, which is shared with
 * the parent, so that nothing done to the loop here affects the parent. The loop must not be polled
 * any more. */
void rhb_loop_forked(struct rhb_loop *loop);

/* ---- lanes ---- */

/* A lane for another thread; the loop has one from the start. Returns NULL with errno set. */
struct rhb_lane *rhb_loop_add_lane(struct rhb_loop *loop);

/* The calling thread enters the loop: until another one enters, all calls are about the current
 * request of this lane. With a mover it waits for some microseconds at most while that is inside.
 */
static inline void rhb_loop_enter(struct rhb_loop *loop, struct rhb_lane *lane)
{
    if (loop->mover != NULL && !lane->inside)
        rhb_lane_enter(lane, &loop->presence);
    loop->lane = lane;
}

void rhb_mover_wake(struct rhb_loop *loop); /* mover.c */

/* The thread of this lane calls the application, or waits for something else than the loop. It
 * enters again before it calls anything here. A mover that sleeps is woken if there is something in
 * the ready list: no event would show it that (mover.h). */
static inline void rhb_loop_leave(struct rhb_loop *loop, struct rhb_lane *lane)
{
    if (loop->mover == NULL || !lane->inside)
        return;
    if (atomic_load(&loop->mover_sleeps) && !rhb_list_empty(&loop->ready))
        rhb_mover_wake(loop);
    rhb_lane_leave(lane, &loop->presence);
}

/* For any thread that looks at the loop or stops it, inside or not: keeps the mover out until
 * rhb_loop_admit_mover. */
static inline void rhb_loop_keep_mover_out(struct rhb_loop *loop)
{
    rhb_presence_enter(&loop->presence);
}

static inline void rhb_loop_admit_mover(struct rhb_loop *loop)
{
    rhb_presence_leave(&loop->presence);
}

/* ---- events ---- */

/* Finds the next event without waiting, never NONE or READ. *conn is set for REQUEST, WRITABLE and
 * LOST. */
enum rhb_event rhb_loop_poll(struct rhb_loop *loop, struct rhb_conn **conn);

/* Waits until there may be something to do: an event, a deadline, a signal. At most about a second.
 */
void rhb_loop_wait(struct rhb_loop *loop);

/* rhb_loop_wait in three parts, for several threads. During rhb_loop_sleep, other threads may end
 * or suspend their current requests (rhb_loop_done, _suspend, _abort) and stop the loop, but not
 * poll. rhb_loop_before_sleep returns the timeout in milliseconds for rhb_loop_sleep. */
int rhb_loop_before_sleep(struct rhb_loop *loop);
void rhb_loop_sleep(struct rhb_loop *loop, int timeout_ms);
void rhb_loop_after_sleep(struct rhb_loop *loop);

/* Whether the sleeping thread must be woken, for work or for an earlier deadline that another
 * thread has caused meanwhile. */
bool rhb_loop_needs_attention(const struct rhb_loop *loop);

/* ---- the end of a response ---- */

/* Whether the connection may be kept after the response to the current request. */
bool rhb_loop_may_keep(const struct rhb_loop *loop, const struct rhb_conn *conn);

/* The whole response has been sent. Keeps the connection for its next request, or closes it so that
 * the client gets the whole response (RFC 9112 section 9.6). */
void rhb_loop_done(struct rhb_loop *loop, struct rhb_conn *conn, bool keep);

/* The socket took only a part: the response waits until it takes more. Also called after a WRITABLE
 * that did not finish the response. owner: of the response; it must stay valid until rhb_loop_done
 * or rhb_loop_abort. False when the connection cannot be parked, for lack of memory: the caller
 * ends the response with rhb_loop_abort. */
bool rhb_loop_suspend(struct rhb_loop *loop, struct rhb_conn *conn, void *owner);

/* The response cannot be finished: closes the connection in a way that the client notices. */
void rhb_loop_abort(struct rhb_loop *loop, struct rhb_conn *conn);

/* Stores the owners of suspended responses, at most cap. Returns how many. */
size_t rhb_loop_owners(const struct rhb_loop *loop, void **owners, size_t cap);

/* Closes the connection of one suspended response and returns its owner; NULL when there is none.
 * For shutdown. */
void *rhb_loop_next_owner(struct rhb_loop *loop);

/* ---- laps (lap.h) ---- */

/* A request has ended whose response went out at once. Its time is known later. */
static inline void rhb_lap_end(struct rhb_loop *loop, struct rhb_lane *lane, int status,
                               uint64_t bytes)
{
    if (!loop->timed)
        return;
    lane->due = RHB_LAP_END;
    rhb_board_count_usual(loop->board, &lane->request.head, status, bytes);
}

/* The clock has been read, by the thread that has the loop for itself. */
static inline void rhb_lap_settle(struct rhb_loop *loop, struct rhb_lane *lane, uint64_t now)
{
    uint64_t took = now - loop->read_at, low = UINT64_C(1) << RHB_HISTOGRAM_LOW;
    if (lane->due == RHB_LAP_END && loop->arrived == loop->read_at &&
        took - low < RHB_LAP_UNSEEN - low) {
        lane->due = RHB_LAP_NOTHING;
        loop->board->prompt.counts[rhb_histogram_inner(took)]++;
    } else if (lane->due != RHB_LAP_NOTHING) {
        rhb_lap_settle_other(loop, lane, now);
    }
}

/* The last request ends, if it has not yet, before anything else is done that takes its time. */
static inline void rhb_loop_settle(struct rhb_loop *loop, struct rhb_lane *lane)
{
    if (lane->due != RHB_LAP_NOTHING)
        rhb_lap_read(loop, lane);
}

/* ---- stopping ---- */

/* Graceful stop: accepts no more connections; rhb_loop_poll returns DRAINED once every connection
 * has been served and closed. */
void rhb_loop_stop(struct rhb_loop *loop);

/* The final stop, when no other process will accept from these listeners: connections that wait in
 * their queues now are served too, if they can be accepted within `patience` ns. */
void rhb_loop_stop_last(struct rhb_loop *loop, uint64_t patience);

/* The same two from a thread that is not in the loop, and need not keep others out: the loop begins
 * to stop when it is polled. The caller wakes it (rhb_loop_new). */
void rhb_loop_order_stop(struct rhb_loop *loop);
void rhb_loop_order_stop_last(struct rhb_loop *loop, uint64_t patience);

/* Whether the loop stops, or has been told to: no connection is kept then. */
static inline bool rhb_loop_ends(const struct rhb_loop *loop)
{
    return loop->stopping || atomic_load_explicit(&loop->ordered, memory_order_relaxed) != 0;
}

/* Whether the loop still needs its listeners. */
bool rhb_loop_accepts(const struct rhb_loop *loop);

/* Once rhb_loop_accepts is false: the loop uses the listeners no more, and the caller may close
 * them. */
void rhb_loop_release_listeners(struct rhb_loop *loop);

#endif
