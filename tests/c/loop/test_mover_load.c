/* csrc/loop/mover.c under load: two workers with movers and several threads each, and clients whose
 * requests are all answered. Meant for ThreadSanitizer too (make tsan). */
#include "generation.h"
#include "loop/mover.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"
enum { THREADS = 2, CLIENTS = 16, ROUNDS = 40, SLOW_EVERY = 5, SLOW_MS = 6 };

struct worker {
    struct fixture *f;
    pthread_mutex_t gil;
    struct rhb_lane *lanes[THREADS];
    pthread_t threads[THREADS];
    int started;
    bool sleeping, ended; /* with the GIL */
    _Atomic unsigned requests;
};

/* ---- a worker, as rhebok/native/lane.pyx is ---- */

static void serve(struct worker *w, struct rhb_lane *lane, struct rhb_conn *conn)
{
    bool slow = atomic_fetch_add(&w->requests, 1) % SLOW_EVERY == 0;
    rhb_score_begin(lane->score, "", 0, 0);
    rhb_loop_leave(w->f->loop, lane);
    pthread_mutex_unlock(&w->gil);
    if (slow)
        poll(NULL, 0, SLOW_MS);
    pthread_mutex_lock(&w->gil);
    rhb_loop_enter(w->f->loop, lane);
    answer(w->f, conn);
    rhb_score_end(lane->score);
    if (w->sleeping && rhb_loop_needs_attention(w->f->loop) && write(w->f->wake[1], "!", 1) < 0)
        abort();
}

static void sleep_in_loop(struct worker *w, struct rhb_lane *lane)
{
    struct rhb_loop *loop = w->f->loop;
    int timeout = rhb_loop_before_sleep(loop);
    w->sleeping = true;
    rhb_loop_leave(loop, lane);
    pthread_mutex_unlock(&w->gil);
    rhb_loop_sleep(loop, timeout);
    pthread_mutex_lock(&w->gil);
    w->sleeping = false;
    rhb_loop_enter(loop, lane);
    rhb_loop_after_sleep(loop);
}

static void let_others_poll(struct worker *w, struct rhb_lane *lane)
{
    rhb_loop_leave(w->f->loop, lane);
    pthread_mutex_unlock(&w->gil);
    poll(NULL, 0, 1);
    pthread_mutex_lock(&w->gil);
}

static void *run(void *argument)
{
    struct worker *w = argument;
    struct rhb_conn *conn;
    pthread_mutex_lock(&w->gil);
    struct rhb_lane *lane = w->lanes[w->started++];
    while (!w->ended) {
        if (w->sleeping) {
            let_others_poll(w, lane);
            continue;
        }
        rhb_loop_enter(w->f->loop, lane);
        enum rhb_event event = rhb_loop_poll(w->f->loop, &conn);
        if (event == RHB_EVENT_REQUEST)
            serve(w, lane, conn);
        else if (event == RHB_EVENT_WAIT)
            sleep_in_loop(w, lane);
    }
    rhb_loop_leave(w->f->loop, lane);
    pthread_mutex_unlock(&w->gil);
    return NULL;
}

static void worker_start(struct worker *w, struct fixture *f)
{
    struct rhb_test *t = f->t;
    *w = (struct worker){.f = f, .gil = PTHREAD_MUTEX_INITIALIZER};
    w->lanes[0] = f->loop->lanes;
    for (int i = 1; i < THREADS; i++)
        CHECK((w->lanes[i] = rhb_loop_add_lane(f->loop)) != NULL);
    CHECK(rhb_mover_start(f->loop));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&w->threads[i], NULL, run, w), 0);
}

static void worker_end(struct worker *w)
{
    struct rhb_test *t = w->f->t;
    pthread_mutex_lock(&w->gil);
    w->ended = true;
    pthread_mutex_unlock(&w->gil);
    CHECK_INT(write(w->f->wake[1], "!", 1), 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(w->threads[i], NULL);
    rhb_mover_stop(w->f->loop);
}

/* ---- the clients ---- */

/* The loops are polled by their workers only. */
static bool await_answer(struct client *c)
{
    uint64_t fails = rhb_now_exact() + 20 * RHB_NS_PER_SECOND;
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    while (!client_has_answer(c) && !c->ended && !c->reset && rhb_now_exact() < fails)
        poll(&fd, 1, 100);
    return client_has_answer(c);
}

static bool asks_post(int client, int round)
{
    return (client + round) % 3 == 0;
}

static void ask(struct fixture *f, struct client *c, bool post)
{
    client_send_text(f, c, post ? POST : GET);
    if (post)
        client_send_text(f, c, "def");
}

static void all_requests_are_answered(struct rhb_test *t)
{
    static struct generation g;
    static struct worker workers[WORKERS];
    struct client c[CLIENTS];
    unsigned answers = 0;
    generation_new(&g, t, NULL);
    for (int i = 0; i < WORKERS; i++)
        worker_start(&workers[i], &g.f[i]);
    for (int i = 0; i < CLIENTS; i++)
        c[i] = client_new(&g.f[0], i % LISTENERS); /* all come to the first worker */
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            ask(&g.f[0], &c[i], asks_post(i, round));
        for (int i = 0; i < CLIENTS; i++)
            if (CHECK(await_answer(&c[i])))
                answers += answer_to(&g.f[0], &c[i]) == 200 &&
                           strcmp(c[i].body, asks_post(i, round) ? "POST /b 6" : "GET /a 0") == 0;
    }
    for (int i = 0; i < WORKERS; i++)
        worker_end(&workers[i]);
    CHECK_INT(answers, CLIENTS * ROUNDS);
    CHECK_INT(workers[0].requests + workers[1].requests, CLIENTS * ROUNDS);
    CHECK(score_of(&g, 0)->sent > 0);
    CHECK(score_of(&g, 0)->given > 0);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&c[i]);
    generation_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(all_requests_are_answered),
    };
    return RHB_RUN(cases);
}
