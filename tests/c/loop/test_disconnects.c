/* Clients that disconnect in every state of their connection, in every way. */
#include "loop_fixture.h"
#include <stdio.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"

enum way { CLOSE, RESET, WAYS };

static void disconnect(struct client *c, enum way way)
{
    if (way == RESET)
        client_reset(c);
    else
        client_close(c);
}

/* For each listener and each way to disconnect: a client sends something, its connection comes to
 * this state, and the client disconnects. */
static void check_disconnect(struct rhb_test *t, const char *sent, enum rhb_conn_state state,
                             size_t padding)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = padding;
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        client_send_text(&f, &c, sent);
        UNTIL(parked(&f, state) == 1);
        poll_until_idle(&f);
        disconnect(&c, i / LISTENERS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void a_silent_client(struct rhb_test *t)
{
    check_disconnect(t, "", RHB_CONN_FRESH, 0);
}

static void a_client_within_its_head(struct rhb_test *t)
{
    check_disconnect(t, "GET / HTTP/1.1\r\nHo", RHB_CONN_HEAD, 0);
}

static void a_client_within_a_later_head(struct rhb_test *t)
{
    check_disconnect(t, GET "GET /", RHB_CONN_HEAD, 0);
}

static void a_client_within_its_body(struct rhb_test *t)
{
    check_disconnect(t, POST "1234", RHB_CONN_BODY, 0);
}

static void an_idle_client(struct rhb_test *t)
{
    check_disconnect(t, GET, RHB_CONN_IDLE, 0);
}

static void a_client_that_reads_its_response(struct rhb_test *t)
{
    check_disconnect(t, GET, RHB_CONN_SEND, 8 << 20);
}

static void a_client_that_reads_its_response_and_has_sent_more(struct rhb_test *t)
{
    check_disconnect(t, GET GET POST "12", RHB_CONN_SEND, 8 << 20);
}

static void a_refused_client(struct rhb_test *t)
{
    check_disconnect(t, "bad\r\n\r\n", RHB_CONN_LINGER, 0);
}

static void a_client_in_the_backlog(struct rhb_test *t)
{
    static const char *const sent[] = {"", "GET /", GET, POST "1", "bad\r\n\r\n"};
    struct fixture f;
    set_up_and_start(&f, t);
    for (size_t i = 0; i < sizeof sent / sizeof *sent * LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        client_send_text(&f, &c, sent[i / (LISTENERS * WAYS)]);
        disconnect(&c, i / LISTENERS % WAYS);
        poll_until_idle(&f);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void a_client_in_its_grace_wait(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        UNTIL(f.loop->in_grace != NULL);
        disconnect(&c, i / LISTENERS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void a_client_whose_request_the_application_has(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    for (int i = 0; i < LISTENERS * WAYS; i++) {
        f.padding = i % 2 ? 8 << 20 : 0;
        struct client c = client_new(&f, i % LISTENERS);
        client_send_text(&f, &c, GET GET);
        UNTIL(f.held != NULL);
        f.holds = false;
        disconnect(&c, i / LISTENERS);
        answer(&f, f.held);
        UNTIL(f.loop->open == 0);
        f.holds = true;
    }
    tear_down(&f);
}

/* Sends every prefix of a session, and disconnects. */
static void a_client_at_any_byte_of_a_session(struct rhb_test *t)
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
            poll_until_idle(&f);
        disconnect(&c, len / LISTENERS % WAYS);
        poll_until_idle(&f);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void a_hundred_clients_at_once(struct rhb_test *t)
{
    enum { CLIENTS = 100 };
    static const char *const sent[] = {GET, GET "GET", POST "12", "", "bad\r\n\r\n"};
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = client_new(&f, i % LISTENERS);
            client_send_text(&f, &clients[i], sent[i % 5]);
        }
        UNTIL(f.loop->registered == CLIENTS);
        for (int i = 0; i < CLIENTS; i++)
            disconnect(&clients[i], i / LISTENERS % WAYS);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_silent_client),
        RHB_CASE(a_client_within_its_head),
        RHB_CASE(a_client_within_a_later_head),
        RHB_CASE(a_client_within_its_body),
        RHB_CASE(an_idle_client),
        RHB_CASE(a_client_that_reads_its_response),
        RHB_CASE(a_client_that_reads_its_response_and_has_sent_more),
        RHB_CASE(a_refused_client),
        RHB_CASE(a_client_in_the_backlog),
        RHB_CASE(a_client_in_its_grace_wait),
        RHB_CASE(a_client_whose_request_the_application_has),
        RHB_CASE(a_client_at_any_byte_of_a_session),
        RHB_CASE(a_hundred_clients_at_once),
    };
    return RHB_RUN(cases);
}
