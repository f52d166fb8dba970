/* csrc/loop/intake.c: heads in one part and in several, and pipelines. */
#include "loop_fixture.h"
#include <stdio.h>
#include <stdlib.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_request_that_is_there_is_served_without_epoll(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    UNTIL(f.held != NULL);
    CHECK_INT(f.loop->registered, 0);
    CHECK(!f.held->registered);
    answer(&f, f.held);
    CHECK_INT(f.loop->registered, 0);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET / 0");
    client_close(&c);
    tear_down(&f);
}

static void half_a_head_is_parked_and_completed_later(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET /half HT");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 12);
    CHECK_INT(f.requests, 0);
    client_send_text(&f, &c, "TP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /half 0");
    client_close(&c);
    tear_down(&f);
}

static void a_silent_connection_is_parked_and_served_when_bytes_arrive(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    CHECK_INT(first_parked(&f, RHB_CONN_FRESH)->in.cap, 0);
    client_send_text(&f, &c, GET("/late"));
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void check_byte_by_byte(struct fixture *f, struct client *c, const char *request)
{
    for (const char *at = request; *at != '\0'; at++) {
        client_send(f, c, at, 1);
        poll_until_idle(f);
    }
}

static void a_head_may_come_byte_by_byte(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        check_byte_by_byte(&f, &c, GET("/one%20byte?q"));
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_STR(c.body, c.body_len, "GET /one byte 0");
        client_close(&c);
    }
    tear_down(&f);
}

static void a_pipeline_is_answered_in_order(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET("/1") GET("/2") GET("/%33"));
    for (int i = 1; i <= 3; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "GET /%d 0", i);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_STR(c.body, c.body_len, expected);
        CHECK(c.kept);
    }
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    CHECK_INT(first_parked(&f, RHB_CONN_IDLE)->in.cap, 0);
    client_close(&c);
    tear_down(&f);
}

static const char mixed_pipeline[] =
    "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"
    "\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n"
    "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
    "POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    "PUT /length HTTP/1.0\r\nContent-Length: 3\r\n\r\nend";

static void check_mixed_answers(struct fixture *f, struct client *c)
{
    static const char *const bodies[] = {"POST /length 11", "GET /none 0", "POST /chunked 11",
                                         "POST /empty 0", "PUT /length 3"};
    struct rhb_test *t = f->t;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        CHECK_INT(answer_to(f, c), 200);
        CHECK_STR(c->body, c->body_len, bodies[i]);
    }
    CHECK(ends_well(f, c));
    CHECK_STR(f->body.data, f->body.len, "end");
}

static void a_pipeline_with_bodies_is_answered_in_order(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, mixed_pipeline);
        check_mixed_answers(&f, &c);
        client_close(&c);
    }
    tear_down(&f);
}

static void a_pipeline_may_be_cut_anywhere(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (size_t cut = 1; cut < sizeof mixed_pipeline - 1; cut++) {
        int failures = t->failures;
        struct client c = client_new(&f, BY_UNIX);
        client_send(&f, &c, mixed_pipeline, cut);
        poll_until_idle(&f);
        client_send_text(&f, &c, mixed_pipeline + cut);
        check_mixed_answers(&f, &c);
        client_close(&c);
        if (t->failures > failures)
            rhb_note(t, "cut at %zu", cut);
    }
    tear_down(&f);
}

static void a_pipeline_may_come_byte_by_byte(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    check_byte_by_byte(&f, &c, mixed_pipeline);
    check_mixed_answers(&f, &c);
    client_close(&c);
    tear_down(&f);
}

static void a_pipeline_beyond_one_read_loses_nothing(struct rhb_test *t)
{
    enum { REQUESTS = 5000 };
    struct fixture f;
    char request[64];
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    struct rhb_bytes all = {0};
    for (int i = 0; i < REQUESTS; i++) {
        int len = snprintf(request, sizeof request, GET("/%d"), i);
        CHECK(rhb_bytes_append(&all, request, (size_t)len));
    }
    CHECK(all.len > 2 * RHB_READ_SIZE);
    client_send(&f, &c, all.data, all.len);
    for (int i = 0; i < REQUESTS && t->failures == 0; i++) {
        snprintf(request, sizeof request, "GET /%d 0", i);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_STR(c.body, c.body_len, request);
    }
    rhb_bytes_free(&all);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_has_shut_its_side_gets_its_answer(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, GET("/1") GET("/2"));
        client_shut(&c);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    tear_down(&f);
}

static void a_parked_client_that_ends_its_request_and_shuts_its_side_is_answered(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, "GET / HTTP/1.1\r\n");
        UNTIL(parked(&f, RHB_CONN_HEAD) == 1);
        client_send_text(&f, &c, "Host: a\r\n\r\n");
        client_shut(&c);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    tear_down(&f);
}

static void a_client_that_ends_within_a_head_is_closed_without_an_answer(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost");
    client_shut(&c);
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.got.len, 0);
    CHECK_INT(f.requests, 0);
    client_close(&c);
    tear_down(&f);
}

static void a_long_head_is_accepted_up_to_its_limit(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.limits = (struct phr_limits){.line = 200000, .head = 300000, .field = 200000};
    start(&f);
    char *filling = pattern_new(150000);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    client_send_text(&f, &c, filling);
    client_send_text(&f, &c, "\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    free(filling);
    client_close(&c);
    tear_down(&f);
}

static void the_current_request_has_the_places_of_its_parts(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c,
                     "POST /a%2Fb?x=%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokGET");
    UNTIL(f.held != NULL);
    const struct rhb_request *request = &f.loop->lane->request;
    CHECK_STR(request->head_bytes, 4, "POST");
    CHECK_INT(request->head_len, 58);
    CHECK_STR(request->head.target, request->head.target_len, "/a%2Fb?x=%20");
    CHECK_STR(request->path, request->path_len, "/a/b");
    CHECK_STR(request->inline_body, (size_t)request->body_len, "ok");
    CHECK(request->body == NULL);
    CHECK_INT(f.held->listener, BY_TCP);
    CHECK_INT(f.held->peer.family, AF_INET);
    answer(&f, f.held);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_that_is_there_is_served_without_epoll),
        RHB_CASE(half_a_head_is_parked_and_completed_later),
        RHB_CASE(a_silent_connection_is_parked_and_served_when_bytes_arrive),
        RHB_CASE(a_head_may_come_byte_by_byte),
        RHB_CASE(a_pipeline_is_answered_in_order),
        RHB_CASE(a_pipeline_with_bodies_is_answered_in_order),
        RHB_CASE(a_pipeline_may_be_cut_anywhere),
        RHB_CASE(a_pipeline_may_come_byte_by_byte),
        RHB_CASE(a_pipeline_beyond_one_read_loses_nothing),
        RHB_CASE(a_client_that_has_shut_its_side_gets_its_answer),
        RHB_CASE(a_parked_client_that_ends_its_request_and_shuts_its_side_is_answered),
        RHB_CASE(a_client_that_ends_within_a_head_is_closed_without_an_answer),
        RHB_CASE(a_long_head_is_accepted_up_to_its_limit),
        RHB_CASE(the_current_request_has_the_places_of_its_parts),
    };
    return RHB_RUN(cases);
}
