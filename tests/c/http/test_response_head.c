/* Response heads: what the application says and what the request allows, as rows with what comes
 * out (RFC 9112 section 6, RFC 9110 section 8.6). Inputs stand in memory of exactly their size. */
#include "harness.h"
#include "http/response_head.h"
#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(text) text, sizeof(text) - 1
#define DATE "Sat, 21 Nov 2026 02:04:00 GMT"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define CLOSING "Connection: close\r\n"
#define STAYING "Connection: keep-alive\r\n"

enum { NO, YES };

static char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

static enum rhb_head_result begin(struct rhb_response_head *head, struct rhb_bytes *out,
                                  const char *status, size_t len)
{
    char *copy = copy_exactly(status, len);
    memset(head, 0xa5, sizeof(*head)); /* all of it has to be set */
    enum rhb_head_result result = rhb_head_begin(head, out, copy, len);
    free(copy);
    return result;
}

static enum rhb_head_result add(struct rhb_response_head *head, const char *name, size_t name_len,
                                const char *value, size_t value_len)
{
    char *name_copy = copy_exactly(name, name_len), *value_copy = copy_exactly(value, value_len);
    enum rhb_head_result result = rhb_head_field(head, name_copy, name_len, value_copy, value_len);
    free(name_copy);
    free(value_copy);
    return result;
}

/* "Name: value\n" lines; the first result that is not OK. */
static enum rhb_head_result add_lines(struct rhb_response_head *head, const char *lines)
{
    enum rhb_head_result result = RHB_HEAD_OK;
    while (*lines != 0 && result == RHB_HEAD_OK) {
        const char *colon = strchr(lines, ':'), *end = strchr(lines, '\n');
        result = add(head, lines, (size_t)(colon - lines), colon + 2, (size_t)(end - colon - 2));
        lines = end + 1;
    }
    return result;
}

static enum rhb_head_result end(struct rhb_response_head *head, struct rhb_head_context context,
                                struct rhb_head_outcome *outcome)
{
    char *date = copy_exactly(DATE, 29);
    char *server = copy_exactly(context.server ? context.server : "", context.server_len);
    context.date = date;
    context.server = server;
    memset(outcome, 0xa5, sizeof(*outcome));
    enum rhb_head_result result = rhb_head_end(head, &context, outcome);
    free(date);
    free(server);
    return result;
}

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
    {"205 Reset Content", "", 1, NO, YES, YES, 0, "Content-Length: 0\r\n", RHB_FRAME_LENGTH, 0,
     YES},
    /* No length at all */
    {"200 OK", "", 1, NO, YES, YES, -1, CHUNKED, RHB_FRAME_CHUNKED, 0, YES},
    {"200 OK", "", 1, NO, NO, YES, -1, CHUNKED CLOSING, RHB_FRAME_CHUNKED, 0, NO},
    {"200 OK", "", 1, NO, YES, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 1, NO, NO, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, YES, YES, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, NO, YES, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    {"200 OK", "", 0, NO, YES, NO, -1, CLOSING, RHB_FRAME_CLOSE, 0, NO},
    /* HEAD: what GET would say about the length, if that is known; an empty list does not tell */
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
    /* Hop-by-hop fields are ours; close is heeded */
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
    /* Names that only resemble those are nobody's business */
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
    /* The rest goes out as it is, in order, as often as it is given */
    {"200 OK", "Set-Cookie: a=1\nX-Tab: a\tb\nSet-Cookie: b=2\nEmpty: \nX-Text: \xc3\xa9\xff\n", 1,
     NO, YES, YES, 0,
     "Set-Cookie: a=1\r\nX-Tab: a\tb\r\nSet-Cookie: b=2\r\nEmpty: \r\nX-Text: "
     "\xc3\xa9\xff\r\nContent-Length: 0\r\n",
     RHB_FRAME_LENGTH, 0, YES},
};

/* The head goes behind bytes that are there already, into memory that has to grow. */
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

static void a_head_says_how_its_body_ends_and_whether_the_connection_stays(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(head_rows); i++) {
        int before = t->failures;
        check_row(t, &head_rows[i]);
        if (t->failures != before)
            rhb_note(t, "row %zu: %s, %s", i, head_rows[i].status, head_rows[i].lines);
    }
}

static const struct bytes_row {
    const char *bytes;
    size_t len;
    enum rhb_head_result result;
} status_rows[] = {
    {BYTES("200 OK"), RHB_HEAD_OK},
    {BYTES("200 "), RHB_HEAD_OK},
    {BYTES("404 Not Found, really \"not\""), RHB_HEAD_OK},
    {BYTES("599 \tx"), RHB_HEAD_OK},
    {BYTES("999 x"), RHB_HEAD_OK},
    {BYTES("500 Ungl\xc3\xbc"
           "ck \xff"),
     RHB_HEAD_OK},
    {BYTES(""), RHB_HEAD_BAD_STATUS},
    {BYTES("2"), RHB_HEAD_BAD_STATUS},
    {BYTES("20"), RHB_HEAD_BAD_STATUS},
    {BYTES("200"), RHB_HEAD_BAD_STATUS},
    {BYTES("200\tOK"), RHB_HEAD_BAD_STATUS},
    {BYTES("200OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("2000 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES(" 200 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("+20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("-20 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("2x0 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("0x2 OK"), RHB_HEAD_BAD_STATUS},
    {BYTES("OK 200"), RHB_HEAD_BAD_STATUS},
    {BYTES("000 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("099 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("100 Continue"), RHB_HEAD_BAD_STATUS}, /* informational is not final */
    {BYTES("101 Switching Protocols"), RHB_HEAD_BAD_STATUS},
    {BYTES("199 x"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\r\nSet-Cookie: a=b"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\r"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 OK\n"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 \0"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 O\x01K"), RHB_HEAD_BAD_STATUS},
    {BYTES("200 O\x7fK"), RHB_HEAD_BAD_STATUS},
    {BYTES("\xd9\xa2"
           "00 OK"),
     RHB_HEAD_BAD_STATUS},
};

static void a_status_is_three_digits_from_200_a_space_and_a_reason(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(status_rows); i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        const struct bytes_row *row = &status_rows[i];
        if (!CHECK_INT(begin(&head, &out, row->bytes, row->len), row->result))
            rhb_note_bytes("status", row->bytes, row->len);
        if (row->result != RHB_HEAD_OK)
            CHECK_INT(out.len, 0);
        rhb_bytes_free(&out);
    }
}

/* One field into a head that has begun: the result, and nothing written when it is refused. */
static void try_field(struct rhb_test *t, const char *name, size_t name_len,
                      const struct bytes_row *value)
{
    struct rhb_bytes out = {0};
    struct rhb_response_head head;
    CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
    size_t before = out.len;
    if (!CHECK_INT(add(&head, name, name_len, value->bytes, value->len), value->result)) {
        rhb_note_bytes("name", name, name_len);
        rhb_note_bytes("value", value->bytes, value->len);
    }
    if (value->result != RHB_HEAD_OK)
        CHECK_INT(out.len, before);
    rhb_bytes_free(&out);
}

static void a_name_that_is_not_a_token_is_refused(struct rhb_test *t)
{
    static const struct bytes_row names[] = {
        {BYTES(""), RHB_HEAD_BAD_NAME},
        {BYTES("X Y"), RHB_HEAD_BAD_NAME},
        {BYTES("X:"), RHB_HEAD_BAD_NAME},
        {BYTES(":status"), RHB_HEAD_BAD_NAME},
        {BYTES("Content-Length "), RHB_HEAD_BAD_NAME},
        {BYTES(" Connection"), RHB_HEAD_BAD_NAME},
        {BYTES("X\r\nY"), RHB_HEAD_BAD_NAME},
        {BYTES("Date\n"), RHB_HEAD_BAD_NAME},
        {BYTES("Set-Cookie\r"), RHB_HEAD_BAD_NAME},
        {BYTES("X\0"), RHB_HEAD_BAD_NAME},
        {BYTES("X\t"), RHB_HEAD_BAD_NAME},
        {BYTES("\xc3\xa9"), RHB_HEAD_BAD_NAME},
        {BYTES("X\x7f"), RHB_HEAD_BAD_NAME},
        {BYTES("(x)"), RHB_HEAD_BAD_NAME},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        try_field(t, names[i].bytes, names[i].len,
                  &(struct bytes_row){BYTES("v"), RHB_HEAD_BAD_NAME});
    try_field(t, BYTES("!#$%&'*+-.^_`|~09AZaz"), &(struct bytes_row){BYTES("v"), RHB_HEAD_OK});
}

/* Also in fields that are dropped or held back: an application that tries is broken. */
static void a_value_with_a_control_is_refused_in_every_field(struct rhb_test *t)
{
    static const char *const names[] = {"X",    "Content-Type",   "Connection", "Transfer-Encoding",
                                        "Date", "Content-Length", "Server",     "Set-Cookie"};
    static const struct bytes_row values[] = {
        {BYTES("a\r\nSet-Cookie: b=c"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\r\n\r\n<html>"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\r"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\r\n continued"), RHB_HEAD_BAD_VALUE},
        {BYTES("\0"), RHB_HEAD_BAD_VALUE},
        {BYTES("a\0b"), RHB_HEAD_BAD_VALUE},
        {BYTES("\x01"), RHB_HEAD_BAD_VALUE},
        {BYTES("\x7f"), RHB_HEAD_BAD_VALUE},
        {BYTES("5\x1f"), RHB_HEAD_BAD_VALUE},
        {BYTES("a long value that ends badly\n"), RHB_HEAD_BAD_VALUE},
        {BYTES("\na long value that begins badly"), RHB_HEAD_BAD_VALUE},
        {BYTES("a long value, bad\nin the middle"), RHB_HEAD_BAD_VALUE},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t j = 0; j < COUNT(values); j++)
            try_field(t, names[i], strlen(names[i]), &values[j]);
}

static void a_content_length_is_digits_up_to_2_63_minus_1(struct rhb_test *t)
{
    static const struct bytes_row values[] = {
        {BYTES("0"), RHB_HEAD_OK},
        {BYTES("9223372036854775807"), RHB_HEAD_OK},
        {BYTES(""), RHB_HEAD_BAD_LENGTH},
        {BYTES(" 5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5 "), RHB_HEAD_BAD_LENGTH},
        {BYTES("+5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("-1"), RHB_HEAD_BAD_LENGTH},
        {BYTES("0x5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5, 5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("5.0"), RHB_HEAD_BAD_LENGTH},
        {BYTES("1_000"), RHB_HEAD_BAD_LENGTH},
        {BYTES("None"), RHB_HEAD_BAD_LENGTH},
        {BYTES("\xd9\xa5"), RHB_HEAD_BAD_LENGTH},
        {BYTES("9223372036854775808"), RHB_HEAD_BAD_LENGTH},
        {BYTES("18446744073709551621"), RHB_HEAD_BAD_LENGTH},
    };
    for (size_t i = 0; i < COUNT(values); i++)
        try_field(t, BYTES("cOntent-lEngth"), &values[i]);
}

static void two_content_lengths_that_differ_are_refused(struct rhb_test *t)
{
    static const char *const lines[] = {
        "Content-Length: 5\nContent-Length: 6\n",
        "Content-Length: 0\nContent-Length: 6\n",
        "Content-Length: 6\nContent-Length: 0\n",
        "Content-Length: 5\nContent-Length: 5\ncontent-length: 50\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct rhb_bytes out = {0};
        struct rhb_response_head head;
        CHECK_INT(begin(&head, &out, BYTES("200 OK")), RHB_HEAD_OK);
        CHECK_INT(add_lines(&head, lines[i]), RHB_HEAD_BAD_LENGTH);
        rhb_bytes_free(&out);
    }
}

static void date_and_server_are_ours_where_the_application_gave_none(struct rhb_test *t)
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

/* Our own fields need the most room together. Whatever room there was at first, and so wherever
 * each part is when the memory has to grow, ASan sees a byte that was not reserved. */
static void a_head_never_outgrows_its_memory(struct rhb_test *t)
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

/* Bytes that are full up to the largest size there is cannot grow, and are not written to. */
static void no_memory_is_a_result_of_its_own(struct rhb_test *t)
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
        RHB_CASE(a_head_says_how_its_body_ends_and_whether_the_connection_stays),
        RHB_CASE(a_status_is_three_digits_from_200_a_space_and_a_reason),
        RHB_CASE(a_name_that_is_not_a_token_is_refused),
        RHB_CASE(a_value_with_a_control_is_refused_in_every_field),
        RHB_CASE(a_content_length_is_digits_up_to_2_63_minus_1),
        RHB_CASE(two_content_lengths_that_differ_are_refused),
        RHB_CASE(date_and_server_are_ours_where_the_application_gave_none),
        RHB_CASE(a_head_never_outgrows_its_memory),
        RHB_CASE(a_value_of_any_length_fits),
        RHB_CASE(no_memory_is_a_result_of_its_own),
    };
    return RHB_RUN(cases);
}
