/* csrc/loop/answers.c and sending.c: what C answers before the application is asked. */
#define _GNU_SOURCE
#include "loop/answers.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
enum { LONG = 8 << 20 };

/* An answerer for /memory, /file and /empty. */
struct answerer {
    char *bytes;
    size_t len;
    int file;
    uint64_t claimed; /* bytes of the file that are promised */
    int held;         /* answers that are not released */
    unsigned asked;
};

static void let_go(void *held)
{
    --*(int *)held;
}

static bool path_is(const struct rhb_question *question, const char *path)
{
    return question->request->path_len == strlen(path) &&
           memcmp(question->request->path, path, strlen(path)) == 0;
}

static bool give(void *state, const struct rhb_question *question, struct rhb_answer *answer)
{
    struct answerer *a = state;
    bool memory = path_is(question, "/memory"), file = path_is(question, "/file");
    a->asked++;
    if (!memory && !file && !path_is(question, "/empty"))
        return false;
    rhb_answer_begin(answer, question);
    rhb_head_begin(&answer->head, question->out, "200 OK", 6);
    answer->head.has_length = true;
    answer->head.content_length = memory ? a->len : file ? a->claimed : 0;
    answer->data = a->bytes;
    answer->len = memory ? a->len : 0;
    answer->file = a->file;
    answer->file_left = file ? a->claimed : 0;
    answer->release = let_go;
    answer->held = &a->held;
    a->held++;
    return true;
}

static void set_up_answers(struct fixture *f, struct answerer *a, struct rhb_test *t, size_t len)
{
    set_up_and_start(f, t);
    *a = (struct answerer){.bytes = pattern_new(len), .len = len, .claimed = len};
    a->file = memfd_create("answer", MFD_CLOEXEC);
    CHECK_INT(write(a->file, a->bytes, len), len);
    f->fds++;
    rhb_answers_add(f->loop, &(struct rhb_answerer){give, a});
}

static void tear_down_answers(struct fixture *f, struct answerer *a)
{
    struct rhb_test *t = f->t;
    tear_down(f);
    CHECK_INT(a->held, 0);
    close(a->file);
    free(a->bytes);
}

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

/* ---- identifiers (--request-id) ---- */

struct identified {
    struct fixture f;
    struct answerer a;
    struct rhb_request_id_pool pool;
    struct rhb_allowed_peers allowed;
    struct rhb_reports reports;
    int log[2];
};

static void set_up_identified(struct identified *s, struct rhb_test *t, bool allowed)
{
    const char *error;
    size_t error_at;
    set_up_answers(&s->f, &s->a, t, LONG);
    s->pool.left = 0;
    s->allowed = (struct rhb_allowed_peers){.unix_sockets = allowed};
    s->f.loop->options.request_ids =
        (struct rhb_request_id_policy){"x-request-id", "X-Request-ID", 12, &s->allowed, &s->pool};
    s->reports = (struct rhb_reports){
        .access_log = rhb_access_log_new("%({request_id}x)s %(U)s", &error, &error_at)};
    CHECK_INT(pipe2(s->log, O_CLOEXEC), 0);
    CHECK_INT(rhb_access_log_open(s->reports.access_log, NULL, s->log[1]), 0);
    s->f.fds += 2;
    s->f.loop->reports = &s->reports;
}

static void tear_down_identified(struct identified *s)
{
    s->f.loop->reports = NULL;
    rhb_access_log_free(s->reports.access_log);
    close(s->log[0]);
    close(s->log[1]);
    s->f.fds -= 2;
    tear_down_answers(&s->f, &s->a);
}

/* The identifier of the answer to this request, which the log has too; 0 bytes: none. */
static size_t identifier_of(struct identified *s, const char *request, const char *path, char *id)
{
    static const char name[] = "\r\nX-Request-ID: ";
    struct rhb_test *t = s->f.t;
    struct fixture *f = &s->f;
    struct client c = client_new(f, BY_UNIX);
    char line[300] = {0}, wanted[300];
    client_send_text(f, &c, request);
    restart_timer(f);
    while (!client_sees_end(&c) && step(f))
        ;
    const char *at = memmem(c.got.data, c.got.len, name, sizeof name - 1);
    size_t len = at == NULL ? 0 : strcspn(at + sizeof name - 1, "\r");
    if (at != NULL)
        memcpy(id, at + sizeof name - 1, len);
    id[len] = '\0';
    client_close(&c);
    while (f->loop->open > 0 && step(f))
        ;
    CHECK_INT(rhb_access_log_flush(s->reports.access_log), 0);
    ssize_t got = read(s->log[0], line, sizeof line);
    snprintf(wanted, sizeof wanted, "%s %s\n", id, path);
    CHECK_STR(line, (size_t)got, wanted);
    return len;
}

#define IDENTIFIED(path)                                                                           \
    "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-ID: front-7\r\n\r\n"

static void an_answer_has_an_identifier_as_the_log_has(struct rhb_test *t)
{
    struct identified s;
    char first[200], second[200];
    set_up_identified(&s, t, false);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/empty"), "/empty", first), RHB_REQUEST_ID_MADE);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/file"), "/file", second), RHB_REQUEST_ID_MADE);
    CHECK(strcmp(first, second) != 0);
    tear_down_identified(&s);
    set_up_identified(&s, t, true);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/empty"), "/empty", first), 7);
    CHECK(strcmp(first, "front-7") == 0);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/memory"), "/memory", first), 7); /* it is suspended */
    CHECK(strcmp(first, "front-7") == 0);
    tear_down_identified(&s);
}

static const struct rhb_case cases[] = {
    RHB_CASE(what_c_answers_never_reaches_the_caller),
    RHB_CASE(what_it_does_not_answer_does),
    RHB_CASE(answers_keep_their_place_in_a_pipeline),
    RHB_CASE(a_long_answer_waits_for_its_client_while_others_are_served),
    RHB_CASE(head_has_no_body),
    RHB_CASE(a_file_that_is_too_short_ends_the_connection),
    RHB_CASE(a_client_that_goes_away_releases_its_answer),
    RHB_CASE(a_client_that_does_not_read_is_lost),
    RHB_CASE(a_stop_waits_for_a_slow_reader),
    RHB_CASE(a_loop_that_is_freed_releases_what_waits),
    RHB_CASE(the_caller_has_its_turn_among_many_answers),
    RHB_CASE(it_is_timed_without_an_application),
    RHB_CASE(an_answer_has_an_identifier_as_the_log_has),
};

int main(void)
{
    return RHB_RUN(cases);
}
