/* A lap: the time of a request, for the histograms of the board.
 *
 * Reading the exact clock costs as much as all the counting. So the loop uses the readings that it
 * takes anyway, before and after each epoll_wait: the last reading before a request is when it
 * began, and the next one after it is when it ended. Nothing of note happens between: what takes
 * long reads the clock first. When a request follows another without a wait there is no such
 * reading, and one is taken.
 *
 * So while a lane has the loop for itself, its lap is known by the loop's own readings. A request
 * whose response waits for its client has a lap of its own. Where threads share a loop, each
 * request reads the clock. lap.c has what is rare; nothing here makes a system call, but for
 * requests that may have waited for a request of more than 20 ms. */
#ifndef RHB_LAP_H
#define RHB_LAP_H

#include "base/clock.h"
#include "board.h"

struct rhb_loop;
struct rhb_lane;
struct rhb_conn;

enum rhb_lap_due {
    RHB_LAP_NOTHING,
    RHB_LAP_READING, /* the last reading is old: another one before the next request begins */
    RHB_LAP_END,     /* the same; and it is when the lane's request has ended */
    RHB_LAP_ANSWERED /* the same, without an application (answers.h) */
};

struct rhb_lap {
    uint64_t arrived; /* exact ns: when the last byte of the request was reported */
    uint64_t began;   /* when the loop turned to it */
    uint64_t away;    /* ns since then that it has waited for its client */
    uint64_t front;   /* ns before it arrived, of which its proxy tells (X-Request-Start) */
};

/* The kernel is asked when a request came, if nobody has looked for so long. */
#define RHB_LAP_UNSEEN (20 * RHB_NS_PER_MS)

/* A request has ended at `now`, whose response did not go out at once. */
void rhb_lap_add(const struct rhb_lap *lap, struct rhb_board *board, uint64_t now);

/* The same for one that no application had: it has neither waited for one nor taken its time. */
void rhb_lap_add_answered(const struct rhb_lap *lap, struct rhb_board *board, uint64_t now);

/* A trusted proxy has got the lane's request at this time, in ns since 1970. */
void rhb_lap_front(struct rhb_loop *loop, struct rhb_lane *lane, uint64_t since);

/* A request begins that may have come long before it was reported; or threads share the loop. */
void rhb_lap_begin_late(struct rhb_loop *loop, const struct rhb_conn *conn);

/* The lap of the lane's request. */
struct rhb_lap rhb_lap_of(const struct rhb_loop *loop, const struct rhb_lane *lane);

/* The clock has been read; see rhb_lap_settle for the usual case. */
void rhb_lap_settle_other(struct rhb_loop *loop, struct rhb_lane *lane, uint64_t now);

/* Something is due: reads the clock. In a loop that threads share, for any of them at any time. */
void rhb_lap_read(struct rhb_loop *loop, struct rhb_lane *lane);

#endif
