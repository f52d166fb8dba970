/* Clients that go away in every state of their connection, in every way. */
#include "loop_fixture.h"
#include <stdio.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"

enum way { CLOSE, RESET, WAYS };

static void vanish(struct client *c, enum way way)
{
    if (way == RESET)
        client_reset(c);
    else
        client_close(c);
}

/* One client of each kind of listener in each way: says something, comes to a state, and vanishes.
 */
static void check_vanishing(struct rhb_test *t, const char *says, enum rhb_conn_state state,
                            size_t padding)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = padding;
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        client_says(&f, &c, says);
        UNTIL(parked(&f, state) == 1);
        settle(&f);
        vanish(&c, i / LISTENERS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void one_that_was_silent(struct rhb_test *t)
{
    check_vanishing(t, "", RHB_CONN_FRESH, 0);
}

static void one_within_its_head(struct rhb_test *t)
{
    check_vanishing(t, "GET / HTTP/1.1\r\nHo", RHB_CONN_HEAD, 0);
}

static void one_within_a_later_head(struct rhb_test *t)
{
    check_vanishing(t, GET "GET /", RHB_CONN_HEAD, 0);
}

static void one_within_its_body(struct rhb_test *t)
{
    check_vanishing(t, POST "1234", RHB_CONN_BODY, 0);
}

static void one_that_was_idle(struct rhb_test *t)
{
    check_vanishing(t, GET, RHB_CONN_IDLE, 0);
}

static void one_that_was_reading(struct rhb_test *t)
{
    check_vanishing(t, GET, RHB_CONN_SEND, 8 << 20);
}

static void one_that_was_reading_with_more_requests_sent(struct rhb_test *t)
{
    check_vanishing(t, GET GET POST "12", RHB_CONN_SEND, 8 << 20);
}

static void one_that_was_refused(struct rhb_test *t)
{
    check_vanishing(t, "bad\r\n\r\n", RHB_CONN_LINGER, 0);
}

static void one_in_the_backlog(struct rhb_test *t)
{
    static const char *const says[] = {"", "GET /", GET, POST "1", "bad\r\n\r\n"};
    struct fixture f;
    set_up_and_start(&f, t);
    for (size_t i = 0; i < sizeof says / sizeof *says * LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        client_says(&f, &c, says[i / (LISTENERS * WAYS)]);
        vanish(&c, i / LISTENERS % WAYS);
        settle(&f);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void one_in_its_grace(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        UNTIL(f.loop->in_grace != NULL);
        vanish(&c, i / LISTENERS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void one_whose_request_is_with_the_application(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        f.padding = i % 2 ? 8 << 20 : 0;
        struct client c = client_new(&f, i % LISTENERS);
        client_says(&f, &c, GET GET);
        UNTIL(f.held != NULL);
        f.holds = false;
        vanish(&c, i / LISTENERS);
        answer(&f, f.held);
        UNTIL(f.loop->open == 0);
        f.holds = true;
    }
    tear_down(&f);
}

/* Whatever the bytes were: every prefix of a session, then gone. */
static void one_at_any_byte_of_a_session(struct rhb_test *t)
{
    static const char session[] =
        POST "123456789"
             "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n" GET;
    struct fixture f;
    set_up_and_start(&f, t);
    for (size_t len = 0; len < sizeof session; len++) {
        struct client c = client_new(&f, len % LISTENERS);
        client_send(&f, &c, session, len);
        if (len % 3)
            settle(&f);
        vanish(&c, len / LISTENERS % WAYS);
        settle(&f);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void a_hundred_at_once(struct rhb_test *t)
{
    enum { CLIENTS = 100 };
    static const char *const says[] = {GET, GET "GET", POST "12", "", "bad\r\n\r\n"};
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = client_new(&f, i % LISTENERS);
            client_says(&f, &clients[i], says[i % 5]);
        }
        UNTIL(f.loop->registered == CLIENTS);
        for (int i = 0; i < CLIENTS; i++)
            vanish(&clients[i], i / LISTENERS % WAYS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(one_that_was_silent),
        RHB_CASE(one_within_its_head),
        RHB_CASE(one_within_a_later_head),
        RHB_CASE(one_within_its_body),
        RHB_CASE(one_that_was_idle),
        RHB_CASE(one_that_was_reading),
        RHB_CASE(one_that_was_reading_with_more_requests_sent),
        RHB_CASE(one_that_was_refused),
        RHB_CASE(one_in_the_backlog),
        RHB_CASE(one_in_its_grace),
        RHB_CASE(one_whose_request_is_with_the_application),
        RHB_CASE(one_at_any_byte_of_a_session),
        RHB_CASE(a_hundred_at_once),
    };
    return RHB_RUN(cases);
}
