/* csrc/loop/answers.c and sending.c: what C answers before the application is asked. */
#define _GNU_SOURCE
#include "answers_fixture.h"

static void what_c_answers_never_reaches_the_caller(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, GET("/memory"));
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_MEM(c.body, 200, a.bytes, 200);
        client_send_text(&f, &c, GET("/file"));
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_MEM(c.body, 200, a.bytes, 200);
        client_close(&c);
    }
    CHECK_INT(f.requests, 0);
    CHECK_INT(f.loop->board->requests[RHB_COUNTED_GET][2], 4);
    tear_down_answers(&f, &a);
}

static void what_it_does_not_answer_does(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/other"));
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /other 0");
    CHECK_INT(f.requests, 1);
    CHECK_INT(a.asked, 1);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_body_that_is_appended_is_asked_for_when_it_is_sent(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "HEAD /later HTTP/1.0\r\n\r\n");
    UNTIL(client_sees_end(&c));
    CHECK(memmem(c.got.data, c.got.len, "Content-Length: 200\r\n", 21) != NULL);
    CHECK_INT(a.appended, 0);
    client_close(&c);
    c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/later"));
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_MEM(c.body, c.body_len, a.bytes, 200);
    CHECK_INT(a.appended, 1);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void the_application_answers_when_the_body_is_gone(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/a") GET("/later") GET("/memory") GET("/b"));
    a.is_gone = true;
    static const char *const texts[] = {"GET /a 0", "GET /later 0", NULL, "GET /b 0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK_INT(answer_to(&f, &c), 200);
        if (texts[i] != NULL)
            CHECK_STR(c.body, c.body_len, texts[i]);
        else
            CHECK_MEM(c.body, c.body_len, a.bytes, 200);
    }
    CHECK_INT(f.requests, 3);
    CHECK_INT(a.held, 0);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void answers_keep_their_place_in_a_pipeline(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c,
                     GET("/a") GET("/memory") GET("/b") GET("/file") GET("/empty") GET("/c"));
    size_t sizes[] = {8, LONG, 8, LONG, 0, 8};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(c.body_len, sizes[i]);
    }
    CHECK_INT(f.requests, 3);
    client_close(&c);
    tear_down_answers(&f, &a);
}

/* Otherwise what is left of it would be taken for a request. */
static void the_body_of_a_request_is_read_before_it_is_answered(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    char *body = pattern_new(1 << 20);
    static const char *const heads[] = {
        "POST /memory HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n",
        "GET /memory HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct client c = client_new(&f, BY_TCP);
        client_send_text(&f, &c, heads[i]);
        poll_until_idle(&f);
        CHECK_INT(a.asked, 2 * i);
        client_send(&f, &c, body, 1 << 20);
        client_send_text(&f, &c, i == 0 ? GET("/file") : "\r\n0\r\n\r\n" GET("/file"));
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_MEM(c.body, 200, a.bytes, 200);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(a.asked, 2 * i + 2);
        client_close(&c);
    }
    free(body);
    CHECK_INT(f.requests, 0);
    tear_down_answers(&f, &a);
}

static void a_long_answer_waits_for_its_client_while_others_are_served(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    for (int by = 0; by < LISTENERS; by++) {
        struct client slow = client_new(&f, by), c = client_new(&f, by);
        client_send_text(&f, &slow, by == BY_TCP ? GET("/file") : GET("/memory"));
        UNTIL(parked(&f, RHB_CONN_SEND) == 1);
        client_send_text(&f, &c, GET("/empty"));
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(parked(&f, RHB_CONN_SEND), 1);
        CHECK_INT(answer_to(&f, &slow), 200);
        CHECK_INT(slow.body_len, LONG);
        client_close(&slow);
        client_close(&c);
    }
    CHECK_INT(f.writable, 0);
    CHECK_INT(f.loop->board->requests[RHB_COUNTED_GET][2], 4);
    tear_down_answers(&f, &a);
}

static void head_has_no_body(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "HEAD /file HTTP/1.0\r\n\r\n");
    UNTIL(client_sees_end(&c));
    CHECK(c.got.len > 4 && memcmp(c.got.data + c.got.len - 4, "\r\n\r\n", 4) == 0);
    CHECK(memmem(c.got.data, c.got.len, "Content-Length: 200\r\n", 21) != NULL);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_file_that_is_too_short_ends_the_connection(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 200);
    a.claimed = 300;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/file") GET("/empty"));
    UNTIL(client_sees_end(&c));
    CHECK(!client_has_answer(&c));
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_client_that_goes_away_releases_its_answer(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/file"));
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    CHECK_INT(a.held, 1);
    client_reset(&c);
    UNTIL(f.loop->open == 0);
    CHECK_INT(a.held, 0);
    CHECK_INT(f.lost, 0);
    tear_down_answers(&f, &a);
}

static void a_client_that_does_not_read_is_lost(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    f.loop->options.timeouts[RHB_CONN_SEND] = 50 * MS;
    f.loop->options.min_rate = 1000;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/memory"));
    UNTIL(f.loop->open == 0 && a.asked == 1);
    CHECK_INT(a.held, 0);
    CHECK_INT(f.lost, 0);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_stop_waits_for_a_slow_reader(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET("/file"));
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    rhb_loop_stop(f.loop);
    poll_until_idle(&f);
    CHECK_INT(f.drained, 0);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(c.body_len, LONG);
    client_close(&c);
    UNTIL(f.drained > 0);
    tear_down_answers(&f, &a);
}

static void a_loop_that_is_freed_releases_what_waits(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, LONG);
    struct client c = client_new(&f, BY_TCP), other = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/file"));
    client_send_text(&f, &other, GET("/memory"));
    UNTIL(parked(&f, RHB_CONN_SEND) == 2);
    void *owners[2];
    CHECK_INT(rhb_loop_owners(f.loop, owners, 2), 0);
    CHECK(rhb_loop_next_owner(f.loop) == NULL);
    CHECK_INT(f.loop->open, 0);
    CHECK_INT(a.held, 0);
    client_close(&c);
    client_close(&other);
    tear_down_answers(&f, &a);
}

static void the_caller_has_its_turn_among_many_answers(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    struct rhb_conn *conn;
    set_up_answers(&f, &a, t, 1);
    struct client c = client_new(&f, BY_UNIX);
    struct rhb_bytes many = {0};
    for (int i = 0; i < 100; i++)
        rhb_bytes_append(&many, GET("/empty"), strlen(GET("/empty")));
    CHECK_INT(write(c.fd, many.data, many.len), many.len);
    rhb_bytes_free(&many);
    unsigned turns = 0;
    restart_timer(&f);
    while (a.asked < 100 && rhb_now_exact() < f.fails_at) {
        enum rhb_event event = rhb_loop_poll(f.loop, &conn);
        turns += event == RHB_EVENT_ANSWERED;
        if (event == RHB_EVENT_WAIT)
            rhb_loop_wait(f.loop);
    }
    CHECK(turns >= 3);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void it_is_timed_without_an_application(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    set_up_answers(&f, &a, t, 10);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/memory"));
    CHECK_INT(answer_to(&f, &c), 200);
    poll_until_idle(&f);
    uint64_t totals = 0, applications = 0;
    for (int i = 0; i < RHB_HISTOGRAM_BUCKETS; i++) {
        totals += f.loop->board->total.counts[i];
        applications += f.loop->board->application.counts[i] + f.loop->board->prompt.counts[i];
    }
    CHECK_INT(totals, 1);
    CHECK_INT(applications, 0);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static bool leave(void *state, const struct rhb_question *question, struct rhb_answer *answer)
{
    (void)state, (void)question, (void)answer;
    return false;
}

static void count_tick(void *state, uint64_t now)
{
    *(unsigned *)state += now > 0;
}

static void an_answerer_is_told_of_each_second(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    unsigned ticks = 0;
    set_up_answers(&f, &a, t, 10);
    rhb_answers_add(f.loop,
                    &(struct rhb_answerer){.answer = leave, .state = &ticks, .tick = count_tick});
    f.loop->tick_at = 0;
    poll_until_idle(&f);
    CHECK_INT(ticks, 1);
    f.loop->tick_at = 0;
    poll_until_idle(&f);
    CHECK_INT(ticks, 2);
    tear_down_answers(&f, &a);
}

/* By the byte that follows the first slash. */
static void an_answerer_is_asked_for_its_paths_only(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    bool second[256] = {['m'] = true};
    set_up_answers(&f, &a, t, 10);
    memset(f.loop->second, 0, sizeof f.loop->second);
    f.loop->n_answerers = 0;
    rhb_answers_add(f.loop, &(struct rhb_answerer){.answer = give, .state = &a, .second = second});
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET("/") GET("/file") GET("/?m") GET("/memory") GET("/%6demory"));
    for (int i = 0; i < 5; i++)
        CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(a.asked, 2);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static const struct rhb_case cases[] = {
    RHB_CASE(what_c_answers_never_reaches_the_caller),
    RHB_CASE(what_it_does_not_answer_does),
    RHB_CASE(a_body_that_is_appended_is_asked_for_when_it_is_sent),
    RHB_CASE(the_application_answers_when_the_body_is_gone),
    RHB_CASE(answers_keep_their_place_in_a_pipeline),
    RHB_CASE(the_body_of_a_request_is_read_before_it_is_answered),
    RHB_CASE(a_long_answer_waits_for_its_client_while_others_are_served),
    RHB_CASE(head_has_no_body),
    RHB_CASE(a_file_that_is_too_short_ends_the_connection),
    RHB_CASE(a_client_that_goes_away_releases_its_answer),
    RHB_CASE(a_client_that_does_not_read_is_lost),
    RHB_CASE(a_stop_waits_for_a_slow_reader),
    RHB_CASE(a_loop_that_is_freed_releases_what_waits),
    RHB_CASE(the_caller_has_its_turn_among_many_answers),
    RHB_CASE(it_is_timed_without_an_application),
    RHB_CASE(an_answerer_is_told_of_each_second),
    RHB_CASE(an_answerer_is_asked_for_its_paths_only),
};

int main(void)
{
    return RHB_RUN(cases);
}
