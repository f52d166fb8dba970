/* csrc/loop/dispatch.c: fairness between connections, and signals. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- fairness ---- */

static void a_long_pipeline_does_not_starve_others(struct rhb_test *t)
{
    enum { REQUESTS = 2000, SOON = 100 };
    struct fixture f;
    set_up_and_start(&f, t);
    struct client greedy = client_new(&f, BY_UNIX), idle = client_new(&f, BY_UNIX);
    client_send_text(&f, &idle, GET);
    CHECK_INT(answer_to(&f, &idle), 200);
    struct rhb_bytes all = {0};
    for (int i = 0; i < REQUESTS; i++)
        CHECK(rhb_bytes_append(&all, GET, sizeof GET - 1));
    client_send(&f, &greedy, all.data, all.len);
    UNTIL(f.requests > 10);
    struct client fresh = client_new(&f, BY_UNIX);
    client_send_text(&f, &fresh, GET);
    client_send_text(&f, &idle, GET);
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

/* One poll must not go on for as long as a client sends. */
static void a_flood_of_bad_requests_lets_a_signal_through(struct rhb_test *t)
{
    enum { CLIENTS = 120 };
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(&f, BY_UNIX);
        client_send_text(&f, &clients[i], "bad\r\n\r\n");
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
    poll_until_idle(&f);
    unsigned wakes = f.wakes;
    CHECK_INT(write(f.wake[1], many, sizeof many), sizeof many);
    UNTIL(f.wakes > wakes);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    struct pollfd pipe_end = {.fd = f.wake[0], .events = POLLIN};
    UNTIL(poll(&pipe_end, 1, 0) == 0);
    client_close(&c);
    tear_down(&f);
}

/* A second read would wait for ever. */
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

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_long_pipeline_does_not_starve_others),
        RHB_CASE(a_flood_of_bad_requests_lets_a_signal_through),
        RHB_CASE(a_byte_in_the_pipe_wakes_the_loop_once),
        RHB_CASE(a_blocking_pipe_is_not_waited_for),
    };
    return RHB_RUN(cases);
}
