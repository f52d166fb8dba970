/* A busy worker with a mover, and an idle one. The main thread is the thread of the busy worker: it
 * is with the application from `busy` on until `enter`. */
#ifndef RHB_TEST_MOVER_SCENE_H
#define RHB_TEST_MOVER_SCENE_H

#include "generation.h"
#include "loop/mover.h"
#include "loop/parking.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define TICK (5 * MS / 2)
enum { BUSY = 0, IDLE = 1, PATIENCE = 4 };

static inline struct rhb_loop *loop_of(struct generation *g)
{
    return g->f[BUSY].loop;
}

static inline void enter(struct generation *g)
{
    struct rhb_lane *lane = loop_of(g)->lanes;
    rhb_score_end(lane->score);
    rhb_loop_enter(loop_of(g), lane);
}

static inline void busy(struct generation *g)
{
    struct rhb_lane *lane = loop_of(g)->lanes;
    rhb_score_begin(lane->score, "", 0, 0);
    rhb_loop_leave(loop_of(g), lane);
}

/* To the mover: the other worker waits for events. */
static inline void idle(struct generation *g, bool waits)
{
    atomic_store(&score_of(g, IDLE)->waiting, waits);
}

static inline void scene_new(struct generation *g, struct rhb_test *t, change_options *change)
{
    generation_new(g, t, change);
    CHECK(rhb_mover_start(loop_of(g)));
    enter(g);
}

static inline void scene_end(struct generation *g)
{
    enter(g);
    rhb_mover_stop(loop_of(g));
    generation_end(g);
}

static inline struct client kept_client(struct generation *g)
{
    struct rhb_test *t = g->f[0].t;
    struct client c = client_new(&g->f[BUSY], BY_UNIX);
    size_t before = parked(&g->f[BUSY], RHB_CONN_IDLE);
    client_send_text(&g->f[BUSY], &c, GET);
    CHECK_INT(answer_to(&g->f[BUSY], &c), 200);
    CHECK_INT(parked(&g->f[BUSY], RHB_CONN_IDLE), before + 1);
    return c;
}

/* The worker has the request of this client. */
static inline void hold(struct generation *g, struct client *c, const char *requests)
{
    struct fixture *f = &g->f[BUSY];
    f->holds = true;
    client_send_text(f, c, requests);
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    f->holds = false;
}

static inline void check_answers(struct generation *g, struct client *c)
{
    struct rhb_test *t = g->f[0].t;
    enter(g);
    answer(&g->f[BUSY], g->f[BUSY].held);
    CHECK_INT(answer_to(&g->f[BUSY], c), 200);
}

/* Without polling the loop. */
static inline void await_count(struct rhb_test *t, _Atomic uint32_t *counter, uint32_t count)
{
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (atomic_load(counter) < count && rhb_now_exact() < fails)
        poll(NULL, 0, 1);
    CHECK_INT(atomic_load(counter), count);
}

static inline void await_sleep(struct generation *g)
{
    struct rhb_test *t = g->f[0].t;
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (!atomic_load(&loop_of(g)->mover_sleeps) && rhb_now_exact() < fails)
        poll(NULL, 0, 1);
    CHECK(atomic_load(&loop_of(g)->mover_sleeps));
}

static inline void check_elsewhere(struct generation *g, struct client *c)
{
    struct rhb_test *t = g->f[0].t;
    await_count(t, &score_of(g, BUSY)->sent, 1);
    idle(g, false);
    CHECK_INT(answer_to(&g->f[IDLE], c), 200);
    CHECK_INT(g->in_queues[0], 0);
}

#endif
