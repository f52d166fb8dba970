/* csrc/loop/mover.c: requests that wait in a worker that is busy. Here the main thread is the
 * thread of the busy worker: it is with the application from `busy` on until `enter`. */
#include "generation.h"
#include "loop/mover.h"
#include "loop/parking.h"
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define TICK (5 * MS / 2)
enum { BUSY = 0, IDLE = 1, PATIENCE = 4 };

static struct rhb_loop *loop_of(struct generation *g)
{
    return g->f[BUSY].loop;
}

static void enter(struct generation *g)
{
    struct rhb_lane *lane = loop_of(g)->lanes;
    rhb_score_end(lane->score);
    rhb_loop_enter(loop_of(g), lane);
}

static void busy(struct generation *g)
{
    struct rhb_lane *lane = loop_of(g)->lanes;
    rhb_score_begin(lane->score, "", 0, 0);
    rhb_loop_leave(loop_of(g), lane);
}

/* To the mover: the other worker waits for events. */
static void idle(struct generation *g, bool waits)
{
    atomic_store(&score_of(g, IDLE)->waiting, waits);
}

static void scene_new(struct generation *g, struct rhb_test *t, change_options *change)
{
    generation_new(g, t, change);
    CHECK(rhb_mover_start(loop_of(g)));
    enter(g);
}

static void scene_end(struct generation *g)
{
    enter(g);
    rhb_mover_stop(loop_of(g));
    generation_end(g);
}

static struct client kept_client(struct generation *g)
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
static void hold(struct generation *g, struct client *c, const char *requests)
{
    struct fixture *f = &g->f[BUSY];
    f->holds = true;
    client_send_text(f, c, requests);
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    f->holds = false;
}

static void check_answers(struct generation *g, struct client *c)
{
    struct rhb_test *t = g->f[0].t;
    enter(g);
    answer(&g->f[BUSY], g->f[BUSY].held);
    CHECK_INT(answer_to(&g->f[BUSY], c), 200);
}

/* Without polling the loop. */
static void await_count(struct rhb_test *t, _Atomic uint32_t *counter, uint32_t count)
{
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (atomic_load(counter) < count && rhb_now_exact() < fails)
        poll(NULL, 0, 1);
    CHECK_INT(atomic_load(counter), count);
}

static void check_elsewhere(struct generation *g, struct client *c)
{
    struct rhb_test *t = g->f[0].t;
    await_count(t, &score_of(g, BUSY)->sent, 1);
    idle(g, false);
    CHECK_INT(answer_to(&g->f[IDLE], c), 200);
    CHECK_INT(g->in_queues[0], 0);
}

/* ---- requests ---- */

static void a_request_that_arrives_at_a_busy_worker_goes_to_an_idle_one(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = kept_client(&g);
    hold(&g, &a, GET);
    busy(&g);
    idle(&g, true);
    client_send_text(&g.f[IDLE], &b, GET);
    check_elsewhere(&g, &b);
    check_answers(&g, &a);
    CHECK_INT(loop_of(&g)->open, 1);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

static void when_nobody_is_idle_it_goes_to_the_queue_later(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = kept_client(&g);
    hold(&g, &a, GET);
    client_send_text(&g.f[BUSY], &b, GET);
    uint64_t since = rhb_now_exact();
    busy(&g);
    check_elsewhere(&g, &b);
    CHECK(rhb_now_exact() - since >= (PATIENCE - 1) * TICK);
    check_answers(&g, &a);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

/* Both have arrived before epoll was asked: the second is in the loop's events, and epoll will not
 * report it again. The worker goes on all the time. */
static void a_request_that_has_been_seen_and_not_read_for_a_tick_goes_too(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct rhb_score *score = loop_of(&g)->lanes->score;
    struct client a = kept_client(&g), b = kept_client(&g);
    client_send_text(&g.f[BUSY], &b, GET);
    hold(&g, &a, GET);
    CHECK_INT(loop_of(&g)->n_events - loop_of(&g)->at_event, 1);
    busy(&g);
    idle(&g, true);
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (atomic_load(&score_of(&g, BUSY)->sent) == 0 && rhb_now_exact() < fails) {
        atomic_fetch_add(&score->requests, 1);
        poll(NULL, 0, 1);
    }
    idle(&g, false);
    CHECK_INT(score_of(&g, BUSY)->sent, 1);
    enter(&g);
    answer(&g.f[BUSY], g.f[BUSY].held);
    CHECK_INT(answer_from_any(&g, &a), 200);
    CHECK_INT(answer_from_any(&g, &b), 200);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

static void requests_of_the_ready_list_go_too(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = kept_client(&g);
    hold(&g, &a, GET GET);
    answer(&g.f[BUSY], g.f[BUSY].held);
    CHECK_INT(answer_to(&g.f[IDLE], &a), 200);
    CHECK(!rhb_list_empty(&loop_of(&g)->ready));
    busy(&g); /* with something else */
    idle(&g, true);
    check_elsewhere(&g, &a);
    enter(&g);
    CHECK(rhb_list_empty(&loop_of(&g)->ready));
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

/* ---- bodies ---- */

/* A body arrives; `half` and `rest` come while the worker is busy. sent_first: the rest comes once
 * the connection has been sent away. */
static void check_body(struct rhb_test *t, const char *head, const char *half, const char *rest,
                       bool sent_first)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct fixture *f = &g.f[BUSY];
    struct client a = kept_client(&g), b = client_new(f, BY_UNIX);
    client_send_text(f, &b, head);
    restart_timer(f);
    while (parked(f, RHB_CONN_BODY) < 1 && step(f))
        ;
    hold(&g, &a, GET);
    busy(&g);
    idle(&g, true);
    client_send_text(&g.f[IDLE], &b, half);
    if (sent_first)
        await_count(t, &score_of(&g, BUSY)->sent, 1);
    client_send_text(&g.f[IDLE], &b, rest);
    check_elsewhere(&g, &b);
    CHECK_MEM(g.f[IDLE].body.data, g.f[IDLE].body.len, "abcdef", 6);
    check_answers(&g, &a);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

static void check_bodies(struct rhb_test *t, bool sent_first)
{
    check_body(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab", "cd", "ef",
               sent_first);
    check_body(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na",
               "bc\r\n3\r\ndef\r\n", "0\r\n\r\n", sent_first);
}

static void a_body_that_is_complete_goes_too(struct rhb_test *t)
{
    check_bodies(t, false);
}

static void a_body_that_goes_on_arriving_goes_after_a_while(struct rhb_test *t)
{
    check_bodies(t, true);
}

/* ---- a thread that has slept, and waits for the GIL ---- */

static void requests_of_a_thread_that_cannot_go_on_go_too(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct rhb_loop *loop = loop_of(&g);
    struct client a = kept_client(&g), b = kept_client(&g);
    hold(&g, &a, GET);
    int timeout = rhb_loop_before_sleep(loop);
    rhb_score_begin(loop->lanes->score, "", 0, 0);
    rhb_loop_leave(loop, loop->lanes);
    client_send_text(&g.f[IDLE], &a, GET);
    client_send_text(&g.f[IDLE], &b, GET);
    rhb_loop_sleep(loop, timeout);
    CHECK_INT(loop->sleep_result, 2);
    enter(&g); /* another thread ends the other connection */
    rhb_loop_abort(loop, g.f[BUSY].held);
    g.f[BUSY].held = NULL;
    busy(&g);
    idle(&g, true);
    check_elsewhere(&g, &b);
    enter(&g);
    rhb_loop_after_sleep(loop);
    CHECK_INT(loop->open, 0);
    CHECK(client_sees_end(&a));
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

/* ---- others ---- */

static void a_busy_worker_still_takes_idle_connections(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    uint64_t one = 1;
    struct client a = kept_client(&g), b = client_new(&g.f[IDLE], BY_UNIX);
    SETTLE_UNTIL(parked(&g.f[IDLE], RHB_CONN_FRESH) == 1);
    hold(&g, &a, GET);
    busy(&g);
    rhb_count(&score_of(&g, BUSY)->expected);
    rhb_count(&g.in_queues[1]);
    CHECK_INT(rhb_parcel_send(g.f[IDLE].loop, first_parked(&g.f[IDLE], RHB_CONN_FRESH), &g.surplus),
              RHB_PARCEL_OK);
    CHECK_INT(write(g.wake[BUSY], &one, sizeof one), sizeof one);
    await_count(t, &score_of(&g, BUSY)->received, 1);
    check_answers(&g, &a);
    CHECK_INT(parked(&g.f[BUSY], RHB_CONN_FRESH), 1);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

/* It is about to end: the connection would end with it. */
static void a_drained_worker_takes_nothing(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    uint64_t one = 1;
    struct client c = client_new(&g.f[IDLE], BY_UNIX);
    SETTLE_UNTIL(parked(&g.f[IDLE], RHB_CONN_FRESH) == 1);
    rhb_loop_stop(loop_of(&g));
    restart_timer(&g.f[BUSY]);
    while (g.f[BUSY].drained == 0 && step(&g.f[BUSY]))
        ;
    busy(&g);
    rhb_count(&score_of(&g, BUSY)->expected);
    rhb_count(&g.in_queues[1]);
    CHECK_INT(rhb_parcel_send(g.f[IDLE].loop, first_parked(&g.f[IDLE], RHB_CONN_FRESH), &g.surplus),
              RHB_PARCEL_OK);
    CHECK_INT(write(g.wake[BUSY], &one, sizeof one), sizeof one);
    poll(NULL, 0, 2 * PATIENCE * TICK / MS);
    enter(&g);
    CHECK_INT(atomic_load(&score_of(&g, BUSY)->received), 0);
    client_send_text(&g.f[IDLE], &c, GET);
    CHECK_INT(answer_from_any(&g, &c), 200);
    client_close(&c);
    scene_end(&g);
}

static void the_mover_ends_at_any_moment(struct rhb_test *t)
{
    enum { TIMES = 50, CLIENTS = 8 };
    struct generation g;
    struct client c[CLIENTS];
    generation_new(&g, t, NULL);
    for (int i = 0; i < CLIENTS; i++)
        c[i] = kept_client(&g);
    for (int i = 0; i < CLIENTS; i++)
        client_send_text(&g.f[IDLE], &c[i], GET);
    idle(&g, true);
    for (int i = 0; i < TIMES; i++) {
        CHECK(rhb_mover_start(loop_of(&g)));
        atomic_store(&loop_of(&g)->lanes->score->busy, 1);
        poll(NULL, 0, i % 8);
        rhb_mover_stop(loop_of(&g));
        CHECK(loop_of(&g)->mover == NULL);
    }
    rhb_mover_stop(loop_of(&g)); /* again: nothing */
    idle(&g, false);
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_INT(answer_from_any(&g, &c[i]), 200);
        client_close(&c[i]);
    }
    generation_end(&g);
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A thread that has been joined is seen for a moment more. */
static void await_threads(struct rhb_test *t, unsigned count)
{
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (threads() != count && rhb_now_exact() < fails)
        poll(NULL, 0, 1);
    CHECK_INT(threads(), count);
}

/* As when the process forks, also in two threads at a time. */
static void in_a_pause_there_is_no_thread_and_afterwards_requests_go_again(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = kept_client(&g);
    unsigned before = threads();
    hold(&g, &a, GET);
    busy(&g);
    idle(&g, true);
    rhb_mover_pause(loop_of(&g));
    await_threads(t, before - 1);
    rhb_mover_pause(loop_of(&g));
    client_send_text(&g.f[IDLE], &b, GET);
    CHECK(rhb_mover_resume(loop_of(&g)));
    CHECK_INT(threads(), before - 1);
    CHECK_INT(atomic_load(&score_of(&g, BUSY)->sent), 0);
    CHECK(rhb_mover_resume(loop_of(&g)));
    CHECK_INT(threads(), before);
    check_elsewhere(&g, &b);
    check_answers(&g, &a);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_that_arrives_at_a_busy_worker_goes_to_an_idle_one),
        RHB_CASE(when_nobody_is_idle_it_goes_to_the_queue_later),
        RHB_CASE(a_request_that_has_been_seen_and_not_read_for_a_tick_goes_too),
        RHB_CASE(requests_of_the_ready_list_go_too),
        RHB_CASE(a_body_that_is_complete_goes_too),
        RHB_CASE(a_body_that_goes_on_arriving_goes_after_a_while),
        RHB_CASE(requests_of_a_thread_that_cannot_go_on_go_too),
        RHB_CASE(a_busy_worker_still_takes_idle_connections),
        RHB_CASE(a_drained_worker_takes_nothing),
        RHB_CASE(the_mover_ends_at_any_moment),
        RHB_CASE(in_a_pause_there_is_no_thread_and_afterwards_requests_go_again),
    };
    return RHB_RUN(cases);
}
