/* csrc/loop/loop.c: fairness, owners, signals, the grace of fresh connections, and the log's
 * batches. */
#define _GNU_SOURCE
#include "log/access_log.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- responses that wait for their client ---- */

static void a_response_that_the_socket_does_not_take_waits_for_its_client(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_says(&f, &c, GET);
        UNTIL(parked(&f, RHB_CONN_SEND) == 1);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(c.body_len, 7 + f.padding);
        CHECK(c.kept);
        UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
        client_close(&c);
        UNTIL(f.loop->open == 0);
    }
    CHECK(f.writable > 2);
    CHECK_INT(f.lost, 0);
    tear_down(&f);
}

static void others_are_served_meanwhile(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client slow = client_new(&f, BY_TCP), c = client_new(&f, BY_TCP);
    f.padding = 8 << 20;
    client_says(&f, &slow, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    f.padding = 0;
    client_says(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(parked(&f, RHB_CONN_SEND), 1);
    CHECK_INT(answer_to(&f, &slow), 200);
    client_close(&slow);
    client_close(&c);
    tear_down(&f);
}

static void a_pipeline_behind_a_waiting_response_goes_on_after_it(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 1 << 20;
    struct client c = client_new(&f, BY_UNIX);
    client_says(&f, &c, GET GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    client_says(&f, &c, GET);
    settle(&f);
    CHECK_INT(f.requests, 1);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(c.body_len, 7 + f.padding);
    }
    client_close(&c);
    tear_down(&f);
}

static void a_half_closed_client_gets_a_long_response_whole(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    struct client c = client_new(&f, BY_TCP);
    client_says(&f, &c, GET);
    client_shut(&c);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(c.body_len, 7 + f.padding);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void owners_that_still_wait_can_be_released(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    struct client c[2] = {client_new(&f, BY_TCP), client_new(&f, BY_UNIX)};
    client_says(&f, &c[0], GET);
    client_says(&f, &c[1], GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 2);
    for (int i = 0; i < 2; i++) {
        char **owner = rhb_loop_next_owner(f.loop);
        CHECK(owner != NULL);
        free(*owner);
        free(owner);
    }
    CHECK(rhb_loop_next_owner(f.loop) == NULL);
    CHECK_INT(f.loop->open, 0);
    client_close(&c[0]);
    client_close(&c[1]);
    tear_down(&f);
}

static void an_aborted_request_closes_its_connection(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_says(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no");
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_says(&f, &c, "k");
    UNTIL(f.held != NULL);
    rhb_loop_abort(f.loop, f.held);
    f.held = NULL;
    UNTIL(client_sees_end(&c));
    CHECK_INT(c.got.len, 0);
    client_close(&c);
    tear_down(&f);
}

/* ---- threads ---- */

static void whoever_sleeps_must_hear_of_a_deadline_before_his_waking(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_IDLE] = 50 * MS;
    start(&f);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_says(&f, &c, GET);
    UNTIL(f.held != NULL);
    rhb_loop_before_sleep(f.loop);
    CHECK(!rhb_loop_needs_attention(f.loop));
    answer(&f, f.held);
    CHECK(rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void whoever_sleeps_need_not_hear_of_later_ones(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_says(&f, &c, GET);
    UNTIL(f.held != NULL);
    rhb_loop_before_sleep(f.loop);
    answer(&f, f.held);
    CHECK(!rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

/* ---- fairness ---- */

/* The place is free for whoever waits in the queue. */
static void whoever_sleeps_must_hear_that_there_is_room_again(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.max_connections = 1;
    start(&f);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX), next = client_new(&f, BY_UNIX);
    client_says(&f, &c, GET);
    client_says(&f, &next, GET);
    UNTIL(f.held != NULL);
    CHECK(f.loop->accept_again_at != 0);
    rhb_loop_before_sleep(f.loop);
    CHECK(!rhb_loop_needs_attention(f.loop));
    rhb_loop_abort(f.loop, f.held);
    CHECK(rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    f.held = NULL;
    f.holds = false;
    CHECK_INT(answer_to(&f, &next), 200);
    client_close(&c);
    client_close(&next);
    tear_down(&f);
}

static void a_long_pipeline_does_not_starve_others(struct rhb_test *t)
{
    enum { REQUESTS = 2000, SOON = 100 };
    struct fixture f;
    set_up_and_start(&f, t);
    struct client greedy = client_new(&f, BY_UNIX), idle = client_new(&f, BY_UNIX);
    client_says(&f, &idle, GET);
    CHECK_INT(answer_to(&f, &idle), 200);
    struct rhb_bytes all = {0};
    for (int i = 0; i < REQUESTS; i++)
        CHECK(rhb_bytes_append(&all, GET, sizeof GET - 1));
    client_send(&f, &greedy, all.data, all.len);
    UNTIL(f.requests > 10);
    struct client fresh = client_new(&f, BY_UNIX);
    client_says(&f, &fresh, GET);
    client_says(&f, &idle, GET);
    unsigned before = f.requests;
    UNTIL(client_has_answer(&fresh) && client_has_answer(&idle));
    CHECK(f.requests - before < SOON);
    UNTIL((client_has_answer(&greedy), f.requests == REQUESTS + 3));
    rhb_bytes_free(&all);
    client_close(&greedy);
    client_close(&idle);
    client_close(&fresh);
    tear_down(&f);
}

/* A loop that went round within one poll for as long as a client sends would never show this. */
static void a_flood_of_bad_requests_lets_a_signal_through(struct rhb_test *t)
{
    enum { CLIENTS = 120 };
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(&f, BY_UNIX);
        client_says(&f, &clients[i], "bad\r\n\r\n");
    }
    UNTIL(parked(&f, RHB_CONN_LINGER) > 0);
    CHECK_INT(write(f.wake[1], "!", 1), 1);
    UNTIL(f.wakes == 1);
    UNTIL(parked(&f, RHB_CONN_LINGER) == CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

/* ---- signals ---- */

static void a_byte_in_the_pipe_wakes_the_loop_once(struct rhb_test *t)
{
    struct fixture f;
    char many[200] = {0};
    set_up_and_start(&f, t);
    settle(&f);
    unsigned wakes = f.wakes;
    CHECK_INT(write(f.wake[1], many, sizeof many), sizeof many);
    UNTIL(f.wakes > wakes);
    struct client c = client_new(&f, BY_UNIX);
    client_says(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    struct pollfd pipe_end = {.fd = f.wake[0], .events = POLLIN};
    UNTIL(poll(&pipe_end, 1, 0) == 0);
    client_close(&c);
    tear_down(&f);
}

/* A read that waits for more than the pipe holds would be the worker's end. */
static void a_blocking_pipe_is_not_waited_for(struct rhb_test *t)
{
    struct fixture f;
    char many[128] = {0};
    set_up_and_start(&f, t);
    CHECK_INT(fcntl(f.wake[0], F_SETFL, 0), 0);
    for (size_t bytes = 1; bytes <= sizeof many; bytes++) {
        unsigned wakes = f.wakes;
        CHECK_INT(write(f.wake[1], many, bytes), bytes);
        UNTIL(f.wakes > wakes);
    }
    tear_down(&f);
}

/* ---- the grace of fresh connections ---- */

static struct client silent_client(struct fixture *f)
{
    struct client c = client_new(f, BY_UNIX);
    unsigned long open = f->loop->open;
    patience(f);
    while (f->loop->open == open && step(f))
        ;
    return c;
}

static void bytes_that_come_within_the_grace_save_the_epoll(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = silent_client(&f);
    CHECK(f.loop->in_grace != NULL);
    client_says(&f, &c, "GET / HTTP/1.0\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(f.loop->registered, 0);
    CHECK_INT(f.loop->grace_credit, RHB_GRACE_CREDIT);
    client_close(&c);
    tear_down(&f);
}

/* Misses until no connection is waited for any more. */
static void use_up_credit(struct fixture *f, struct client *clients, int count)
{
    struct rhb_test *t = f->t;
    for (int i = 0; i < count; i++) {
        clients[i] = silent_client(f);
        patience(f);
        while (parked(f, RHB_CONN_FRESH) < (size_t)i + 1 && step(f))
            ;
    }
    CHECK(f->loop->grace_credit <= 0);
}

static void grace_is_used_up_by_those_who_miss_it(struct rhb_test *t)
{
    enum { MISSES = RHB_GRACE_CREDIT / 2 };
    struct fixture f;
    struct client clients[MISSES + RHB_GRACE_PROBE + 1];
    int probes = 0;
    set_up_and_start(&f, t);
    use_up_credit(&f, clients, MISSES);
    for (int i = MISSES; i < MISSES + RHB_GRACE_PROBE + 1; i++) {
        clients[i] = silent_client(&f);
        probes += f.loop->in_grace != NULL;
        UNTIL(parked(&f, RHB_CONN_FRESH) == (size_t)i + 1);
    }
    CHECK_INT(probes, 2);
    for (int i = 0; i < MISSES + RHB_GRACE_PROBE + 1; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

static void grace_comes_back_with_those_who_keep_it(struct rhb_test *t)
{
    enum { MISSES = RHB_GRACE_CREDIT / 2, IN_TIME = RHB_GRACE_PROBE + 2 };
    struct fixture f;
    struct client clients[MISSES];
    set_up_and_start(&f, t);
    use_up_credit(&f, clients, MISSES);
    for (int i = 0; i < IN_TIME; i++) {
        struct client c = silent_client(&f);
        client_says(&f, &c, "GET / HTTP/1.0\r\n\r\n");
        CHECK_INT(answer_to(&f, &c), 200);
        client_close(&c);
    }
    CHECK(f.loop->grace_credit > 0);
    for (int i = 0; i < MISSES; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

/* ---- the access log's batches ---- */

static struct rhb_access_log *log_to_null(struct fixture *f)
{
    struct rhb_test *t = f->t;
    const char *error;
    size_t error_at;
    struct rhb_access_log *log = rhb_access_log_new("%(s)s", &error, &error_at);
    CHECK(log != NULL);
    CHECK_INT(rhb_access_log_open(log, "/dev/null", -1), 0);
    return f->loop->access_log = log;
}

static void a_batch_of_the_log_is_written_when_a_second_has_passed(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct rhb_access_log *log = log_to_null(&f);
    rhb_access_log_add(log, &(struct rhb_access_entry){.status = 200});
    UNTIL(rhb_access_log_due(log) == 0);
    rhb_access_log_free(log);
    f.loop->access_log = NULL;
    tear_down(&f);
}

/* By another thread, while one sleeps until it is time to look at the listeners. */
static void also_when_its_first_line_came_while_somebody_slept(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct rhb_access_log *log = log_to_null(&f);
    settle(&f);
    rhb_loop_before_sleep(f.loop);
    rhb_access_log_add(log, &(struct rhb_access_entry){.status = 200});
    uint64_t added = rhb_now_exact();
    rhb_loop_sleep(f.loop, 600);
    rhb_loop_after_sleep(f.loop);
    UNTIL(rhb_access_log_due(log) == 0);
    CHECK(rhb_now_exact() - added < 1300 * MS);
    rhb_access_log_free(log);
    f.loop->access_log = NULL;
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_response_that_the_socket_does_not_take_waits_for_its_client),
        RHB_CASE(others_are_served_meanwhile),
        RHB_CASE(a_pipeline_behind_a_waiting_response_goes_on_after_it),
        RHB_CASE(a_half_closed_client_gets_a_long_response_whole),
        RHB_CASE(owners_that_still_wait_can_be_released),
        RHB_CASE(an_aborted_request_closes_its_connection),
        RHB_CASE(whoever_sleeps_must_hear_of_a_deadline_before_his_waking),
        RHB_CASE(whoever_sleeps_need_not_hear_of_later_ones),
        RHB_CASE(whoever_sleeps_must_hear_that_there_is_room_again),
        RHB_CASE(a_long_pipeline_does_not_starve_others),
        RHB_CASE(a_flood_of_bad_requests_lets_a_signal_through),
        RHB_CASE(a_byte_in_the_pipe_wakes_the_loop_once),
        RHB_CASE(a_blocking_pipe_is_not_waited_for),
        RHB_CASE(bytes_that_come_within_the_grace_save_the_epoll),
        RHB_CASE(grace_is_used_up_by_those_who_miss_it),
        RHB_CASE(grace_comes_back_with_those_who_keep_it),
        RHB_CASE(a_batch_of_the_log_is_written_when_a_second_has_passed),
        RHB_CASE(also_when_its_first_line_came_while_somebody_slept),
    };
    return RHB_RUN(cases);
}
