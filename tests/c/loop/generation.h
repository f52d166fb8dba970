/* Two workers of one generation in one process, for the tests of connections that move: two loops
 * (loop_fixture.h) with one channel. */
#ifndef RHB_TEST_GENERATION_H
#define RHB_TEST_GENERATION_H

#include "loop/parcel.h"
#include "loop_fixture.h"

enum { WORKERS = 2, SLOTS = 4 /* the others are for workers that do not exist */ };

struct generation {
    struct fixture f[WORKERS];
    struct rhb_channel channels[WORKERS];
    struct rhb_score *scores;
    struct rhb_queue waiting, surplus;
    int wake[SLOTS];
    _Atomic uint32_t in_queues[2];
};

typedef void change_options(struct rhb_loop_options *options);

/* change: NULL for the options of loop_fixture.h. */
void generation_new(struct generation *g, struct rhb_test *t, change_options *change);

/* Waits until the last connection has ended, then checks that nothing is left. All clients have
 * been closed, and no worker is busy. */
void generation_end(struct generation *g);

/* Polls both loops until they have nothing to do. */
void settle(struct generation *g);

#define SETTLE_UNTIL(condition)                                                                    \
    do {                                                                                           \
        uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;                                 \
        while (!(condition) && rhb_now_exact() < fails)                                            \
            settle(&g);                                                                            \
        CHECK(condition);                                                                          \
    } while (0)

/* Waits for the next answer; its status, 0 when none comes. */
int answer_from_any(struct generation *g, struct client *c);

/* Sends the connection from the worker to the other one, and returns it there. Served next. */
struct rhb_conn *travel(struct generation *g, int from, struct rhb_conn *conn);

/* Sends it to the first worker that is free. */
void send_to_any(struct generation *g, int from, struct rhb_conn *conn);

/* The score of the worker in this slot. */
static inline struct rhb_worker_score *score_of(const struct generation *g, int slot)
{
    return rhb_channel_worker(&g->channels[0], (size_t)slot);
}

#endif
