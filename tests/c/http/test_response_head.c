/* Response heads: rows with what the application says and what the request allows, and the head
 * that is written (RFC 9112 section 6, RFC 9110 section 8.6). */
#include "response_head_fixture.h"
#include <stdio.h>

static const struct head_row {
    const char *status, *lines;
    int minor;
    bool is_head, keep_alive, chunked;
    int64_t body_length;
    const char *sent; /* between the status line and Date */
    enum rhb_body_framing framing;
    uint64_t content_length;
    bool stays;
} head_rows[] = {
    /* The application's Content-Length */
    {"200 OK", "Content-Length: 5\n", 1, NO, YES, YES, -1, "Content-Length: 5\r\n",
     RHB_FRAME_LENGTH, 5, YES},
    {"200 OK", "content-length: 5\n", 1, NO, NO, YES, -1, "Content-Length: 5\r\n" CLOSING,
     RHB_FRAME_LENGTH, 5, NO},
    {"200 OK", "CONTENT-LENGTH: 5\nX: y\n", 1, NO, YES, NO, -1, "X: y\r\nContent-Length: 5\r\n",
     RHB_FRAME_LENGTH, 5, YES},
    {"200 OK", "Content-Length: 5\n", 0, NO, NO, YES, -1, "Content-Length: 5\r\n" CLOSING,
     RHB_FRAME_LENGTH, 5, NO},
    {"200 OK", "Content-Length: 5\n", 0, NO, YES, YES, -1, "Content-Length: 5\r\n" STAYING,
     RHB_FRAME_LENGTH, 5, YES},
    {"200 OK", "Content-Length: 0\n", 1, NO, YES, YES, -1, "Content-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
    {"200 OK", "Content-Length: 007\n", 1, NO, YES, YES, -1, "Content-Length: 7\r\n",
     RHB_FRAME_LENGTH, 7, YES},
    {"200 OK", "Content-Length: 5\nContent-Length: 5\n", 1, NO, YES, YES, -1,
     "Content-Length: 5\r\n", RHB_FRAME_LENGTH, 5, YES},
    {"200 OK", "Content-Length: 5\ncontent-length: 05\n", 1, NO, YES, YES, -1,
     "Content-Length: 5\r\n", RHB_FRAME_LENGTH, 5, YES},
    {"200 OK", "Content-Length: 9223372036854775807\n", 1, NO, YES, YES, -1,
     "Content-Length: 9223372036854775807\r\n", RHB_FRAME_LENGTH, INT64_MAX, YES},
    {"200 OK", "Content-Length: 5\n", 1, NO, YES, YES, 7, "Content-Length: 5\r\n", RHB_FRAME_LENGTH,
     5, YES},
    {"200 OK", "Content-Length: 0\n", 1, NO, YES, YES, 7, "Content-Length: 0\r\n", RHB_FRAME_LENGTH,
     0, YES},
    /* A length that is known without it */
    {"200 OK", "", 1, NO, YES, YES, 0, "Content-Length: 0\r\n", RHB_FRAME_LENGTH, 0, YES},
    {"200 OK", "", 1, NO, YES, YES, 1234567890, "Content-Length: 1234567890\r\n", RHB_FRAME_LENGTH,
     1234567890, YES},
    {"200 OK", "", 1, NO, YES, YES, INT64_MAX, "Content-Length: 9223372036854775807\r\n",
     RHB_FRAME_LENGTH, INT64_MAX, YES},
    {"200 OK", "", 1, NO, NO, NO, 10, "Content-Length: 10\r\n" CLOSING, RHB_FRAME_LENGTH, 10, NO},
    {"200 OK", "", 0, NO, YES, YES, 9, "Content-Length: 9\r\n" STAYING, RHB_FRAME_LENGTH, 9, YES},
    {"404 Not Found", "", 1, NO, YES, YES, 9, "Content-Length: 9\r\n", RHB_FRAME_LENGTH, 9, YES},
    /* No length at all */
    {"200 OK", "", 1, NO, YES, YES, -1, CHUNKED, RHB_FRAME_CHUNKED, 0, YES},
    {"200 OK", "", 1, NO, NO, YES, -1, CHUNKED CLOSING, RHB_FRAME_CHUNKED, 0, NO},
    {"200 OK", "", 1, NO, YES, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 1, NO, NO, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, YES, YES, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, NO, YES, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, YES, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    /* HEAD: the length of the response to GET, if it is known; not known from an empty list */
    {"200 OK", "Content-Length: 5\n", 1, YES, YES, YES, -1, "Content-Length: 5\r\n", RHB_FRAME_NONE,
     0, YES},
    {"200 OK", "Content-Length: 5\n", 1, YES, YES, YES, 0, "Content-Length: 5\r\n", RHB_FRAME_NONE,
     0, YES},
    {"200 OK", "Content-Length: 0\n", 1, YES, YES, YES, 0, "Content-Length: 0\r\n", RHB_FRAME_NONE,
     0, YES},
    {"200 OK", "", 1, YES, YES, YES, 7, "Content-Length: 7\r\n", RHB_FRAME_NONE, 0, YES},
    {"200 OK", "", 1, YES, YES, YES, 0, "", RHB_FRAME_NONE, 0, YES},
    {"200 OK", "", 1, YES, YES, YES, -1, "", RHB_FRAME_NONE, 0, YES},
    {"200 OK", "", 1, YES, NO, NO, -1, CLOSING, RHB_FRAME_NONE, 0, NO},
    {"200 OK", "", 0, YES, YES, YES, -1, STAYING, RHB_FRAME_NONE, 0, YES},
    {"200 OK", "", 0, YES, NO, YES, -1, CLOSING, RHB_FRAME_NONE, 0, NO},
    {"204 No Content", "Content-Length: 5\n", 1, YES, YES, YES, -1, "", RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "Content-Length: 5\n", 1, YES, YES, YES, -1, "Content-Length: 5\r\n",
     RHB_FRAME_NONE, 0, YES},
    /* 204: neither; 304: the application's length at most */
    {"204 No Content", "", 1, NO, YES, YES, -1, "", RHB_FRAME_NONE, 0, YES},
    {"204 No Content", "", 1, NO, YES, YES, 0, "", RHB_FRAME_NONE, 0, YES},
    {"204 No Content", "", 1, NO, YES, YES, 5, "", RHB_FRAME_NONE, 0, YES},
    {"204 No Content", "Content-Length: 0\n", 1, NO, YES, YES, 0, "", RHB_FRAME_NONE, 0, YES},
    {"204 No Content", "Content-Length: 5\n", 1, NO, NO, YES, -1, CLOSING, RHB_FRAME_NONE, 0, NO},
    {"204 No Content", "", 0, NO, YES, NO, -1, STAYING, RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "", 1, NO, YES, YES, -1, "", RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "", 1, NO, YES, YES, 0, "", RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "", 1, NO, YES, YES, 5, "", RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "Content-Length: 5\nETag: \"x\"\n", 1, NO, YES, YES, 0,
     "ETag: \"x\"\r\nContent-Length: 5\r\n", RHB_FRAME_NONE, 0, YES},
    {"304 Not Modified", "", 0, NO, NO, YES, -1, CLOSING, RHB_FRAME_NONE, 0, NO},
    /* 205: no content, and a length that says so (RFC 9110 section 15.3.6) */
    {"205 Reset Content", "", 1, NO, YES, YES, 0, "Content-Length: 0\r\n", RHB_FRAME_NONE, 0, YES},
    {"205 Reset Content", "", 1, NO, YES, YES, 7, "Content-Length: 0\r\n", RHB_FRAME_NONE, 0, YES},
    {"205 Reset Content", "", 1, NO, YES, YES, -1, "Content-Length: 0\r\n", RHB_FRAME_NONE, 0, YES},
    {"205 Reset Content", "Content-Length: 5\n", 1, NO, YES, YES, -1, "Content-Length: 0\r\n",
     RHB_FRAME_NONE, 0, YES},
    {"205 Reset Content", "", 1, YES, YES, YES, -1, "Content-Length: 0\r\n", RHB_FRAME_NONE, 0,
     YES},
    {"205 Reset Content", "", 0, NO, YES, NO, -1, "Content-Length: 0\r\n" STAYING, RHB_FRAME_NONE,
     0, YES},
    /* Hop-by-hop fields are dropped; close takes effect */
    {"200 OK", "Connection: close\nContent-Length: 5\n", 1, NO, YES, YES, -1,
     "Content-Length: 5\r\n" CLOSING, RHB_FRAME_LENGTH, 5, NO},
    {"200 OK", "cONNECTION: x , CLOSE\n", 1, NO, YES, YES, -1, CHUNKED CLOSING, RHB_FRAME_CHUNKED,
     0, NO},
    {"200 OK", "Connection: close\nConnection: keep-alive\n", 1, NO, YES, YES, 0,
     "Content-Length: 0\r\n" CLOSING, RHB_FRAME_LENGTH, 0, NO},
    {"200 OK", "Connection: close\n", 0, NO, YES, YES, 3, "Content-Length: 3\r\n" CLOSING,
     RHB_FRAME_LENGTH, 3, NO},
    {"204 No Content", "Connection: close\n", 1, NO, YES, YES, -1, CLOSING, RHB_FRAME_NONE, 0, NO},
    {"200 OK", "Connection: keep-alive\n", 1, NO, YES, YES, 3, "Content-Length: 3\r\n",
     RHB_FRAME_LENGTH, 3, YES},
    {"200 OK", "Connection: keep-alive\n", 1, NO, NO, YES, 3, "Content-Length: 3\r\n" CLOSING,
     RHB_FRAME_LENGTH, 3, NO},
    {"200 OK", "Connection: closed\n", 1, NO, YES, YES, 3, "Content-Length: 3\r\n",
     RHB_FRAME_LENGTH, 3, YES},
    {"200 OK", "Connection: \n", 1, NO, YES, YES, 3, "Content-Length: 3\r\n", RHB_FRAME_LENGTH, 3,
     YES},
    {"200 OK", "Transfer-Encoding: chunked\n", 1, NO, YES, YES, 3, "Content-Length: 3\r\n",
     RHB_FRAME_LENGTH, 3, YES},
    {"200 OK", "transfer-encoding: gzip\n", 0, NO, YES, YES, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK",
     "Keep-Alive: timeout=5\nUPGRADE: h2c\nTrailer: X\nTe: trailers\nProxy-Connection: close\n", 1,
     NO, YES, YES, 0, "Content-Length: 0\r\n", RHB_FRAME_LENGTH, 0, YES},
    /* Names that are only similar are sent */
    {"200 OK", "C: 1\nD: 2\nSe: 3\nT: 4\nTF: 5\nDat: 6\nDate2: 7\nServers: 8\nTrailers: 9\n", 1, NO,
     YES, YES, 0,
     "C: 1\r\nD: 2\r\nSe: 3\r\nT: 4\r\nTF: 5\r\nDat: 6\r\nDate2: 7\r\nServers: 8\r\nTrailers: "
     "9\r\nContent-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
    {"200 OK",
     "Vary: *\nPragma: a\nUpgrad_: b\nTrail_r: c\nConnect_on: d\nKeep_Alive: e\nContent_Length: "
     "x\n",
     1, NO, YES, YES, 0,
     "Vary: *\r\nPragma: a\r\nUpgrad_: b\r\nTrail_r: c\r\nConnect_on: d\r\nKeep_Alive: "
     "e\r\nContent_Length: x\r\nContent-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
    {"200 OK",
     "X-Sixteen-Letter: 1\nX-SeventeenLetter: 2\nX-Eighteen-Letters: 3\nX-Nineteen-Letter-s: 4\n",
     1, NO, YES, YES, 0,
     "X-Sixteen-Letter: 1\r\nX-SeventeenLetter: 2\r\nX-Eighteen-Letters: 3\r\nX-Nineteen-Letter-s: "
     "4\r\nContent-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
    /* All others are sent unchanged, in order, also repeated ones */
    {"200 OK", "Set-Cookie: a=1\nX-Tab: a\tb\nSet-Cookie: b=2\nEmpty: \nX-Text: \xc3\xa9\xff\n", 1,
     NO, YES, YES, 0,
     "Set-Cookie: a=1\r\nX-Tab: a\tb\r\nSet-Cookie: b=2\r\nEmpty: \r\nX-Text: "
     "\xc3\xa9\xff\r\nContent-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
};

/* The head is appended to other bytes, in memory that has to grow. */
static void check_row(struct rhb_test *t, const struct head_row *row)
{
    struct rhb_bytes out = {.data = copy_exactly("before", 6), .len = 6, .cap = 6};
    struct rhb_response_head head;
    struct rhb_head_context context = {.minor_version = row->minor,
                                       .is_head = row->is_head,
                                       .keep_alive = row->keep_alive,
                                       .allow_chunked = row->chunked,
                                       .body_length = row->body_length};
    struct rhb_head_outcome outcome;
    char expected[1024];
    snprintf(expected, sizeof(expected), "beforeHTTP/1.1 %s\r\n%sDate: " DATE "\r\n\r\n",
             row->status, row->sent);
    CHECK_INT(begin(&head, &out, row->status, strlen(row->status)), RHB_HEAD_OK);
    CHECK_INT(add_lines(&head, row->lines), RHB_HEAD_OK);
    CHECK_INT(end(&head, context, &outcome), RHB_HEAD_OK);
    CHECK_INT(head.start, 6);
    CHECK_INT(head.status, atoi(row->status));
    CHECK_STR(out.data, out.len, expected);
    CHECK_INT(outcome.framing, row->framing);
    CHECK_INT(outcome.content_length, row->content_length);
    CHECK_INT(outcome.keep_alive, row->stays);
    rhb_bytes_free(&out);
}

static void a_head_has_the_framing_of_its_body_and_of_the_connection(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(head_rows); i++) {
        int before = t->failures;
        check_row(t, &head_rows[i]);
        if (t->failures != before)
            rhb_note(t, "row %zu: %s, %s", i, head_rows[i].status, head_rows[i].lines);
    }
}

static void a_field_is_found_by_its_whole_name_in_any_case(struct rhb_test *t)
{
    struct rhb_bytes out = {.data = copy_exactly("x-id: 1\r\n", 9), .len = 9, .cap = 9};
    struct rhb_response_head head;
    CHECK_INT(begin(&head, &out, "200 X-Id: 1", 11), RHB_HEAD_OK);
    CHECK(!rhb_head_has_field(&head, "x-id", 4));
    CHECK_INT(add_lines(&head, "X-Id-: 1\nMy: x-id: \nX-I: d\n"), RHB_HEAD_OK);
    CHECK(!rhb_head_has_field(&head, "x-id", 4));
    CHECK_INT(add_lines(&head, "X-ID: \n"), RHB_HEAD_OK);
    CHECK(rhb_head_has_field(&head, "x-id", 4));
    rhb_bytes_free(&out);
}

static void connection_names_fields_besides_its_options(struct rhb_test *t)
{
    static const struct {
        const char *value;
        bool names;
    } rows[] = {{"close", NO},        {"Keep-Alive, close", NO}, {"", NO},
                {"keep-alive, ", NO}, {"close, x", YES},         {"x", YES},
                {", x", YES}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        CHECK_INT(add(&head, BYTES("Connection"), rows[i].value, strlen(rows[i].value)),
                  RHB_HEAD_OK);
        if (!CHECK_INT(head.names_fields, rows[i].names))
            rhb_note(t, "%s", rows[i].value);
        rhb_bytes_free(&out);
    }
}

static void date_and_server_are_added_if_the_application_sets_none(struct rhb_test *t)
{
    static const struct {
        const char *lines, *server, *expected;
    } rows[] = {
        {"", "Rhebok", "Content-Length: 0\r\nDate: " DATE "\r\nServer: Rhebok\r\n\r\n"},
        {"", NULL, "Content-Length: 0\r\nDate: " DATE "\r\n\r\n"},
        {"DATE: then\n", "Rhebok", "DATE: then\r\nContent-Length: 0\r\nServer: Rhebok\r\n\r\n"},
        {"server: mine\n", "Rhebok", "server: mine\r\nContent-Length: 0\r\nDate: " DATE "\r\n\r\n"},
        {"Server: mine\nDate: then\n", "Rhebok",
         "Server: mine\r\nDate: then\r\nContent-Length: 0\r\n\r\n"},
        {"Server: \n", "Rhebok", "Server: \r\nContent-Length: 0\r\nDate: " DATE "\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        struct rhb_head_outcome outcome;
        struct rhb_head_context context = {
            .minor_version = 1, .keep_alive = true, .server = rows[i].server};
        context.server_len = rows[i].server ? strlen(rows[i].server) : 0;
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        size_t start = out.len;
        CHECK_INT(add_lines(&head, rows[i].lines), RHB_HEAD_OK);
        CHECK_INT(end(&head, context, &outcome), RHB_HEAD_OK);
        CHECK_STR(out.data + start, out.len - start, rows[i].expected);
        rhb_bytes_free(&out);
    }
}

/* The server's own fields need the most space. Whatever the first capacity is, and so wherever the
 * memory has to grow, ASan finds a byte that was not reserved. */
static void a_head_never_exceeds_its_memory(struct rhb_test *t)
{
    static const char expected[] =
        "HTTP/1.1 200 OK\r\nX-Name: value\r\nContent-Length: 9223372036854775807\r\n" STAYING
        "Date: " DATE "\r\nServer: Rhebok\r\n\r\n";
    struct rhb_head_context context = {
        .keep_alive = true, .body_length = INT64_MAX, .server = "Rhebok", .server_len = 6};
    for (size_t cap = 1; cap < 2 * sizeof(expected); cap++) {
        struct rhb_bytes out = {.data = malloc(cap), .cap = cap};
        struct rhb_response_head head;
        struct rhb_head_outcome outcome;
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        CHECK_INT(add(&head, BYTES("X-Name"), BYTES("value")), RHB_HEAD_OK);
        CHECK_INT(end(&head, context, &outcome), RHB_HEAD_OK);
        CHECK_STR(out.data, out.len, expected);
        rhb_bytes_free(&out);
    }
}

static void a_value_of_any_length_fits(struct rhb_test *t)
{
    enum { LONGEST = 3000 };
    char *value = memset(malloc(LONGEST), 'v', LONGEST);
    for (size_t len = 0; len < LONGEST; len += 7) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        struct rhb_head_outcome outcome;
        struct rhb_head_context context = {.server = value, .server_len = len};
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        size_t before = out.len;
        CHECK_INT(add(&head, BYTES("X"), value, len), RHB_HEAD_OK);
        CHECK_INT(out.len - before, len + strlen("X: \r\n"));
        CHECK_MEM(out.data + before + 3, len, value, len);
        CHECK_INT(end(&head, context, &outcome), RHB_HEAD_OK);
        rhb_bytes_free(&out);
    }
    free(value);
}

/* A buffer of the largest possible size cannot grow, and is not written to. */
static void no_memory_has_its_own_result(struct rhb_test *t)
{
    struct rhb_bytes full = {.len = SIZE_MAX / 2, .cap = SIZE_MAX / 2}, out = {0};
    struct rhb_response_head head;
    struct rhb_head_outcome outcome;
    struct rhb_head_context context = {.minor_version = 1};
    CHECK_INT(begin(&head, &full, BYTES("200 OK")), RHB_HEAD_NO_MEMORY);
    CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
    head.out = &full;
    CHECK_INT(add(&head, BYTES("X"), BYTES("y")), RHB_HEAD_NO_MEMORY);
    CHECK_INT(end(&head, context, &outcome), RHB_HEAD_NO_MEMORY);
    CHECK_INT(full.len, SIZE_MAX / 2);
    rhb_bytes_free(&out);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_head_has_the_framing_of_its_body_and_of_the_connection),
        RHB_CASE(a_field_is_found_by_its_whole_name_in_any_case),
        RHB_CASE(connection_names_fields_besides_its_options),
        RHB_CASE(date_and_server_are_added_if_the_application_sets_none),
        RHB_CASE(a_head_never_exceeds_its_memory),
        RHB_CASE(a_value_of_any_length_fits),
        RHB_CASE(no_memory_has_its_own_result),
    };
    return RHB_RUN(cases);
}
