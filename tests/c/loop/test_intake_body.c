/* csrc/loop/body_intake.c: request bodies, in memory and in the temporary file. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONG_BODY = 3 * RHB_READ_SIZE + 1234 };

/* ---- bodies to send ---- */

static struct rhb_bytes with_length(const char *body, size_t len)
{
    struct rhb_bytes out = {0};
    char head[128];
    int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                     len);
    if (!rhb_bytes_append(&out, head, (size_t)n) || !rhb_bytes_append(&out, body, len))
        abort();
    return out;
}

static struct rhb_bytes in_chunks(const char *body, size_t len, size_t chunk)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct rhb_bytes out = {0};
    char size[32];
    bool ok = rhb_bytes_append(&out, head, sizeof head - 1);
    for (size_t at = 0; at < len; at += chunk) {
        size_t part = len - at < chunk ? len - at : chunk;
        int n = snprintf(size, sizeof size, "%zx\r\n", part);
        ok = ok && rhb_bytes_append(&out, size, (size_t)n) &&
             rhb_bytes_append(&out, body + at, part) && rhb_bytes_append(&out, "\r\n", 2);
    }
    if (!ok || !rhb_bytes_append(&out, "0\r\n\r\n", 5))
        abort();
    return out;
}

/* Sends one request in pieces of step bytes; if asked to, polls until the loop is idle after each.
 */
static void send_in_pieces(struct fixture *f, struct client *c, const struct rhb_bytes *request,
                           size_t piece, bool rest)
{
    for (size_t at = 0; at < request->len; at += piece) {
        size_t part = request->len - at < piece ? request->len - at : piece;
        client_send(f, c, request->data + at, part);
        if (rest)
            poll_until_idle(f);
    }
}

static void check_request(struct fixture *f, struct rhb_bytes request, size_t piece,
                          const char *body, size_t len)
{
    struct rhb_test *t = f->t;
    struct client c = client_new(f, BY_UNIX);
    send_in_pieces(f, &c, &request, piece, piece < request.len);
    CHECK_INT(answer_to(f, &c), 200);
    CHECK_MEM(f->body.data, f->body.len, body, len);
    rhb_bytes_free(&request);
    client_close(&c);
}

/* Sends len bytes of body in every way: with both framings, in one piece and in several. */
static void check_body(struct fixture *f, size_t len)
{
    char *body = pattern_new(len);
    for (size_t piece = 7001; piece < 4 * len + 14002; piece *= 9) {
        check_request(f, with_length(body, len), piece, body, len);
        check_request(f, in_chunks(body, len, 5000), piece, body, len);
        check_request(f, in_chunks(body, len, len), piece, body, len);
    }
    free(body);
}

/* ---- cases ---- */

static void a_body_together_with_its_head_is_inline(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.keep_alive = false;
    start(&f);
    check_request(&f, with_length("hello", 5), 1000, "hello", 5);
    check_request(&f, in_chunks("hello", 5, 2), 1000, "hello", 5);
    CHECK_INT(f.loop->registered, 0);
    tear_down(&f);
}

static void a_body_may_come_byte_by_byte(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    check_request(&f, with_length("hello", 5), 1, "hello", 5);
    check_request(&f, in_chunks("hello", 5, 2), 1, "hello", 5);
    tear_down(&f);
}

static void a_body_larger_than_the_read_buffer_is_whole(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    check_body(&f, LONG_BODY);
    tear_down(&f);
}

static void a_body_beyond_the_memory_limit_goes_to_a_file(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.body_buffer = 10000;
    start(&f);
    f.holds = true;
    char *body = pattern_new(LONG_BODY);
    struct rhb_bytes requests[] = {with_length(body, LONG_BODY), in_chunks(body, LONG_BODY, 999)};
    for (int i = 0; i < 2; i++) {
        struct client c = client_new(&f, BY_UNIX);
        client_send(&f, &c, requests[i].data, requests[i].len);
        UNTIL(f.held != NULL);
        CHECK(f.loop->lane->request.body != NULL && f.loop->lane->request.body->fd >= 0);
        answer(&f, f.held);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_MEM(f.body.data, f.body.len, body, LONG_BODY);
        rhb_bytes_free(&requests[i]);
        client_close(&c);
    }
    free(body);
    tear_down(&f);
}

static void a_body_in_a_file_is_whole_in_parts_of_any_size(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.body_buffer = 10000;
    start(&f);
    check_body(&f, 9999);
    check_body(&f, 10000);
    check_body(&f, 10001);
    check_body(&f, LONG_BODY);
    tear_down(&f);
}

static void without_a_memory_limit_every_late_body_is_in_a_file(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.body_buffer = 0;
    start(&f);
    check_body(&f, 20000);
    tear_down(&f);
}

/* The body's last bytes and the next request in one segment, both framings. */
static void bytes_behind_a_late_body_are_the_next_request(struct rhb_test *t)
{
    static const char *const heads[] = {"Content-Length: 5", "Transfer-Encoding: chunked"};
    static const char *const starts[] = {"he", "3\r\nhe"};
    static const char *const ends[] = {"llo", "l\r\n2\r\nlo\r\n0\r\n\r\n"};
    struct fixture f;
    char text[256];
    set_up_and_start(&f, t);
    for (int i = 0; i < 2; i++) {
        struct client c = client_new(&f, BY_UNIX);
        snprintf(text, sizeof text, "POST /1 HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s", heads[i],
                 starts[i]);
        client_send_text(&f, &c, text);
        UNTIL(parked(&f, RHB_CONN_BODY) == 1);
        snprintf(text, sizeof text, "%sGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", ends[i]);
        client_send_text(&f, &c, text);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_STR(c.body, c.body_len, "POST /1 5");
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_STR(c.body, c.body_len, "GET /2 0");
        client_close(&c);
    }
    tear_down(&f);
}

static void the_head_of_a_late_body_is_the_application_s_again(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client other = client_new(&f, BY_UNIX), c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "PUT /a%20b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_send_text(&f, &other, "GET /something-quite-different HTTP/1.1\r\nHost: b\r\n\r\n");
    CHECK_INT(answer_to(&f, &other), 200);
    client_send_text(&f, &c, "ok");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "PUT /a b 2");
    client_close(&other);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_ends_within_a_body_is_closed_without_an_answer(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    client_shut(&c);
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.got.len, 0);
    CHECK_INT(f.requests, 0);
    client_close(&c);
    tear_down(&f);
}

/* ---- Expect: 100-continue (RFC 9110 section 10.1.1) ---- */

#define EXPECTING "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

static void continue_is_said_once_when_the_body_is_awaited(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, EXPECTING);
    CHECK_INT(answer_to(&f, &c), 100);
    client_send_text(&f, &c, "he");
    poll_until_idle(&f);
    client_send_text(&f, &c, "llo");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(f.body.data, f.body.len, "hello");
    client_close(&c);
    tear_down(&f);
}

static void continue_is_said_for_each_request_that_asks(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    for (int i = 0; i < 2; i++) {
        client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n");
        poll_until_idle(&f);
        client_send_text(&f, &c, "Transfer-Encoding: chunked\r\n\r\n");
        CHECK_INT(answer_to(&f, &c), 100);
        client_send_text(&f, &c, "1\r\nx\r\n0\r\n\r\n");
        CHECK_INT(answer_to(&f, &c), 200);
    }
    client_close(&c);
    tear_down(&f);
}

static void continue_is_not_said_when_a_part_of_the_body_is_there(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, EXPECTING "h");
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_send_text(&f, &c, "ello" EXPECTING "hello");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

/* ---- limits and failures ---- */

static void check_refused(struct fixture *f, const char *request, int status)
{
    struct rhb_test *t = f->t;
    for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
        struct client c = client_new(f, BY_UNIX);
        struct rhb_bytes bytes = {.data = (char *)request, .len = strlen(request)};
        send_in_pieces(f, &c, &bytes, in_pieces ? 3 : bytes.len, in_pieces);
        CHECK_INT(answer_to(f, &c), status);
        CHECK(ends_well(f, &c));
        client_close(&c);
    }
    CHECK_INT(f->requests, 0);
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_body_beyond_the_limit_is_413(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.max_body = 8;
    start(&f);
    check_refused(&f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 413);
    check_refused(&f, CHUNKED "9\r\n123456789\r\n0\r\n\r\n", 413);
    check_refused(&f, CHUNKED "5\r\n12345\r\n4\r\n1234\r\n", 413);
    check_request(&f, with_length("12345678", 8), 3, "12345678", 8);
    check_request(&f, in_chunks("12345678", 8, 3), 3, "12345678", 8);
    tear_down(&f);
}

static void bad_chunks_are_400_wherever_they_come(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    check_refused(&f, CHUNKED "x\r\n", 400);
    check_refused(&f, CHUNKED "5\r\nhelloGET", 400);
    check_refused(&f, CHUNKED "5\r\nhello\r\n0\r\nbad trailer: x\r\n\r\n", 400);
    tear_down(&f);
}

static void endless_extensions_and_trailers_are_400(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    char *filling = pattern_new(20000);
    static const char *const starts[] = {CHUNKED "1;", CHUNKED "0\r\nName: "};
    for (int i = 0; i < 2; i++) {
        struct client c = client_new(&f, BY_TCP);
        client_send_text(&f, &c, starts[i]);
        poll_until_idle(&f);
        client_send_text(&f, &c, filling);
        CHECK_INT(answer_to(&f, &c), 400);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    free(filling);
    tear_down(&f);
}

/* Both a body that begins in the file and one that moves there from memory. */
static void check_no_file(struct rhb_test *t, const char *tmpdir, int error)
{
    struct fixture f;
    set_up(&f, t);
    f.options.body_buffer = 1000;
    start(&f);
    setenv("TMPDIR", tmpdir, 1);
    char *body = pattern_new(LONG_BODY);
    struct rhb_bytes requests[] = {with_length(body, LONG_BODY), in_chunks(body, LONG_BODY, 900)};
    for (int i = 0; i < 2; i++) {
        struct client c = client_new(&f, BY_UNIX);
        client_send(&f, &c, requests[i].data, requests[i].len);
        CHECK_INT(answer_to(&f, &c), 500);
        CHECK_INT(f.body_errors, i + 1);
        CHECK_INT(f.loop->body_error, error);
        CHECK(ends_well(&f, &c));
        rhb_bytes_free(&requests[i]);
        client_close(&c);
    }
    unsetenv("TMPDIR");
    check_request(&f, with_length(body, LONG_BODY), SIZE_MAX, body, LONG_BODY);
    free(body);
    tear_down(&f);
}

static void a_missing_directory_for_the_file_is_500(struct rhb_test *t)
{
    check_no_file(t, "/nonexistent/rhebok", ENOENT);
}

static void a_directory_that_cannot_be_written_is_500(struct rhb_test *t)
{
    check_no_file(t, "/proc", ENOENT);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_body_together_with_its_head_is_inline),
        RHB_CASE(a_body_may_come_byte_by_byte),
        RHB_CASE(a_body_larger_than_the_read_buffer_is_whole),
        RHB_CASE(a_body_beyond_the_memory_limit_goes_to_a_file),
        RHB_CASE(a_body_in_a_file_is_whole_in_parts_of_any_size),
        RHB_CASE(without_a_memory_limit_every_late_body_is_in_a_file),
        RHB_CASE(bytes_behind_a_late_body_are_the_next_request),
        RHB_CASE(the_head_of_a_late_body_is_the_application_s_again),
        RHB_CASE(a_client_that_ends_within_a_body_is_closed_without_an_answer),
        RHB_CASE(continue_is_said_once_when_the_body_is_awaited),
        RHB_CASE(continue_is_said_for_each_request_that_asks),
        RHB_CASE(continue_is_not_said_when_a_part_of_the_body_is_there),
        RHB_CASE(a_body_beyond_the_limit_is_413),
        RHB_CASE(bad_chunks_are_400_wherever_they_come),
        RHB_CASE(endless_extensions_and_trailers_are_400),
        RHB_CASE(a_missing_directory_for_the_file_is_500),
        RHB_CASE(a_directory_that_cannot_be_written_is_500),
    };
    return RHB_RUN(cases);
}
