/* csrc/loop/refusal.c: error responses of the loop, which a client gets also while it still sends.
 */
#define _GNU_SOURCE
#include "log/access_log.h"
#include "loop/refusal.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *request;
    int status;
} refused[] = {
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\nHost: a\n\n", 400},
    {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n", 414},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789\r\n", 431},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 431},
    {"GET / HTTP/1.1\r\nHost: a\r\nA: 012345678901234567890123456789\r\n"
     "B: 012345678901234567890123456789\r\nC: 01234567890123456789\r\n\r\n",
     431},
    {"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
};

static void set_up_narrow(struct fixture *f, struct rhb_test *t)
{
    set_up(f, t);
    f->options.limits = (struct phr_limits){.line = 40, .head = 120, .field = 40};
    f->options.max_fields = 4;
    f->options.server = "rhebok";
    f->options.server_len = 6;
    start(f);
}

static void a_refused_request_gets_its_status_and_the_end(struct rhb_test *t)
{
    struct fixture f;
    set_up_narrow(&f, t);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct client c = client_new(&f, i % LISTENERS);
        client_send_text(&f, &c, refused[i].request);
        CHECK_INT(answer_to(&f, &c), refused[i].status);
        CHECK(!c.kept);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    CHECK_INT(f.requests, 0);
    tear_down(&f);
}

static void it_gets_the_same_when_it_comes_byte_by_byte(struct rhb_test *t)
{
    struct fixture f;
    set_up_narrow(&f, t);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct client c = client_new(&f, BY_UNIX);
        for (const char *at = refused[i].request; *at != '\0' && !c.reset; at++) {
            client_send(&f, &c, at, 1);
            poll_until_idle(&f);
        }
        CHECK_INT(answer_to(&f, &c), refused[i].status);
        client_close(&c);
    }
    CHECK_INT(f.requests, 0);
    tear_down(&f);
}

static void the_answer_is_complete_and_closes(struct rhb_test *t)
{
    struct fixture f;
    char expected[512];
    set_up_narrow(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "bad\r\n\r\n");
    CHECK(ends_well(&f, &c));
    snprintf(expected, sizeof expected,
             "HTTP/1.1 400 Bad Request\r\nDate: %s\r\nServer: rhebok\r\n"
             "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 12\r\n"
             "Connection: close\r\n\r\nBad Request\n",
             f.loop->clock.date);
    CHECK_STR(c.got.data, c.got.len, expected);
    client_close(&c);
    tear_down(&f);
}

static void an_answer_to_head_has_no_body(struct rhb_test *t)
{
    struct fixture f;
    set_up_narrow(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "HEAD / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n");
    CHECK(ends_well(&f, &c));
    CHECK(c.got.len > 4);
    CHECK_STR(c.got.data + c.got.len - 4, 4, "\r\n\r\n");
    client_close(&c);
    tear_down(&f);
}

static void nothing_behind_a_bad_request_is_looked_at(struct rhb_test *t)
{
    struct fixture f;
    set_up_narrow(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(
        &f, &c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nbad\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(answer_to(&f, &c), 400);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.got.len, 0);
    CHECK_INT(f.requests, 1);
    client_close(&c);
    tear_down(&f);
}

/* RFC 9112 section 9.6: after a reset the client may lose the response. */
static void a_client_that_is_still_sending_sees_its_answer(struct rhb_test *t)
{
    enum { UPLOAD = 6 << 20 };
    struct fixture f;
    set_up(&f, t);
    f.options.max_body = 1000;
    start(&f);
    char *upload = pattern_new(UPLOAD);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6291456\r\n\r\n");
        client_send(&f, &c, upload, UPLOAD);
        CHECK(!c.reset);
        CHECK_INT(answer_to(&f, &c), 413);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    free(upload);
    tear_down(&f);
}

static void a_client_that_reads_nothing_is_closed_without_its_answer(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 1 << 20;
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nbad\r\n\r\n");
    UNTIL(f.held != NULL);
    char filling[4096] = {0};
    while (write(f.held->fd, filling, sizeof filling) > 0)
        ;
    rhb_loop_done(f.loop, f.held, true);
    f.held = NULL;
    UNTIL(f.loop->open == 0);
    CHECK(client_sees_end(&c));
    CHECK(memmem(c.got.data, c.got.len, "400", 3) == NULL);
    client_close(&c);
    tear_down(&f);
}

static void a_refusal_is_logged(struct rhb_test *t)
{
    struct fixture f;
    const char *error;
    size_t error_at;
    char line[128] = {0};
    set_up_narrow(&f, t);
    struct rhb_access_log *log =
        rhb_access_log_new("%(s)s %(B)s \"%(r)s\" %(h)s", &error, &error_at);
    int pipe_fds[2];
    CHECK_INT(pipe2(pipe_fds, O_CLOEXEC), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, pipe_fds[1]), 0);
    struct rhb_reports reports = {.access_log = log};
    f.loop->reports = &reports;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 501);
    CHECK_INT(rhb_access_log_flush(log), 0);
    ssize_t len = read(pipe_fds[0], line, sizeof line);
    CHECK_STR(line, (size_t)len, "501 16 \"CONNECT a:1 HTTP/1.1\" 127.0.0.1\n");
    client_close(&c);
    rhb_access_log_free(log);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    f.loop->reports = NULL;
    tear_down(&f);
}

static void each_status_of_the_loop_has_its_phrase(struct rhb_test *t)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK(strcmp(rhb_reason(refused[i].status), "Error") != 0);
    CHECK(strcmp(rhb_reason(408), "Request Timeout") == 0);
    CHECK(strcmp(rhb_reason(413), "Content Too Large") == 0);
    CHECK(strcmp(rhb_reason(503), "Service Unavailable") == 0);
    CHECK(strcmp(rhb_reason(299), "Error") == 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_refused_request_gets_its_status_and_the_end),
        RHB_CASE(it_gets_the_same_when_it_comes_byte_by_byte),
        RHB_CASE(the_answer_is_complete_and_closes),
        RHB_CASE(an_answer_to_head_has_no_body),
        RHB_CASE(nothing_behind_a_bad_request_is_looked_at),
        RHB_CASE(a_client_that_is_still_sending_sees_its_answer),
        RHB_CASE(a_client_that_reads_nothing_is_closed_without_its_answer),
        RHB_CASE(a_refusal_is_logged),
        RHB_CASE(each_status_of_the_loop_has_its_phrase),
    };
    return RHB_RUN(cases);
}
