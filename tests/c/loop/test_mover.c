/* csrc/loop/mover.c: requests that wait in a worker that is busy. */
#include "mover_scene.h"

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

/* The worker has been faster to read what woke both, so epoll has nothing for the mover. */
static void wait_while_the_mover_sleeps(struct generation *g)
{
    struct rhb_loop *loop = loop_of(g);
    rhb_loop_before_sleep(loop);
    rhb_loop_leave(loop, loop->lanes);
    await_sleep(g);
    rhb_loop_sleep(loop, 0);
    rhb_loop_enter(loop, loop->lanes);
    rhb_loop_after_sleep(loop);
}

static void a_worker_with_a_ready_list_wakes_its_mover(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g);
    hold(&g, &a, GET GET);
    answer(&g.f[BUSY], g.f[BUSY].held);
    CHECK_INT(answer_to(&g.f[IDLE], &a), 200);
    CHECK(!rhb_list_empty(&loop_of(&g)->ready));
    wait_while_the_mover_sleeps(&g);
    CHECK(atomic_load(&loop_of(&g)->mover_sleeps));
    busy(&g);
    idle(&g, true);
    check_elsewhere(&g, &a);
    client_close(&a);
    scene_end(&g);
}

/* A request costs no system call for the mover. */
static void a_worker_without_one_lets_it_sleep(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    wait_while_the_mover_sleeps(&g);
    busy(&g);
    CHECK(atomic_load(&loop_of(&g)->mover_sleeps));
    enter(&g);
    scene_end(&g);
}

static void the_mover_sleeps_only_while_the_worker_waits(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    poll(NULL, 0, 5 * TICK / MS);
    CHECK(!atomic_load(&loop_of(&g)->mover_sleeps));
    rhb_loop_before_sleep(loop_of(&g));
    await_sleep(&g);
    rhb_loop_sleep(loop_of(&g), 0);
    rhb_loop_after_sleep(loop_of(&g));
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

/* From the idle worker to the busy one. */
static void send_surplus(struct generation *g)
{
    struct rhb_test *t = g->f[0].t;
    struct rhb_conn *conn = first_parked(&g->f[IDLE], RHB_CONN_FRESH);
    uint64_t one = 1;
    rhb_count(&score_of(g, BUSY)->expected);
    rhb_count(&g->in_queues[1]);
    CHECK_INT(rhb_parcel_send(g->f[IDLE].loop, conn, &g->surplus), RHB_PARCEL_OK);
    CHECK_INT(write(g->wake[BUSY], &one, sizeof one), sizeof one);
}

static void a_busy_worker_still_takes_idle_connections(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = client_new(&g.f[IDLE], BY_UNIX);
    SETTLE_UNTIL(parked(&g.f[IDLE], RHB_CONN_FRESH) == 1);
    hold(&g, &a, GET);
    busy(&g);
    send_surplus(&g);
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
    struct client c = client_new(&g.f[IDLE], BY_UNIX);
    SETTLE_UNTIL(parked(&g.f[IDLE], RHB_CONN_FRESH) == 1);
    rhb_loop_stop(loop_of(&g));
    restart_timer(&g.f[BUSY]);
    while (g.f[BUSY].drained == 0 && step(&g.f[BUSY]))
        ;
    busy(&g);
    send_surplus(&g);
    poll(NULL, 0, 2 * PATIENCE * TICK / MS);
    enter(&g);
    CHECK_INT(atomic_load(&score_of(&g, BUSY)->received), 0);
    client_send_text(&g.f[IDLE], &c, GET);
    CHECK_INT(answer_from_any(&g, &c), 200);
    client_close(&c);
    scene_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_that_arrives_at_a_busy_worker_goes_to_an_idle_one),
        RHB_CASE(when_nobody_is_idle_it_goes_to_the_queue_later),
        RHB_CASE(a_request_that_has_been_seen_and_not_read_for_a_tick_goes_too),
        RHB_CASE(requests_of_the_ready_list_go_too),
        RHB_CASE(a_worker_with_a_ready_list_wakes_its_mover),
        RHB_CASE(a_worker_without_one_lets_it_sleep),
        RHB_CASE(the_mover_sleeps_only_while_the_worker_waits),
        RHB_CASE(a_body_that_is_complete_goes_too),
        RHB_CASE(a_body_that_goes_on_arriving_goes_after_a_while),
        RHB_CASE(requests_of_a_thread_that_cannot_go_on_go_too),
        RHB_CASE(a_busy_worker_still_takes_idle_connections),
        RHB_CASE(a_drained_worker_takes_nothing),
    };
    return RHB_RUN(cases);
}
