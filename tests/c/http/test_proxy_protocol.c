/* csrc/http/proxy_protocol.c: headers of both versions, whole and cut at every position, always at
 * the end of readable memory. */
#include "harness.h"
#include "http/proxy_protocol.h"
#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { BOTH = RHB_PROXY_V1 | RHB_PROXY_V2 };

static enum rhb_proxy_result read_guarded(const struct rhb_guard *guard, unsigned versions,
                                          const char *data, size_t len,
                                          struct rhb_proxy_header *header)
{
    return rhb_proxy_read(header, versions, rhb_guard_put(guard, data, len), len);
}

/* Reads one byte more each time: once there is a result, it does not change. */
static enum rhb_proxy_result read_every_way(struct rhb_test *t, unsigned versions, const char *data,
                                            size_t len, struct rhb_proxy_header *header)
{
    struct rhb_guard guard = rhb_guard_new(len);
    enum rhb_proxy_result whole = read_guarded(&guard, versions, data, len, header), last;
    last = RHB_PROXY_INCOMPLETE;
    for (size_t cut = 0; cut <= len; cut++) {
        struct rhb_proxy_header part;
        enum rhb_proxy_result result = read_guarded(&guard, versions, data, cut, &part);
        CHECK(last == RHB_PROXY_INCOMPLETE || result == last);
        if (result == RHB_PROXY_OK)
            CHECK(part.len <= cut && part.len == header->len);
        last = result;
    }
    CHECK_INT(last, whole);
    rhb_guard_free(&guard);
    return whole;
}

/* The length of the header, then "address port", or "-" without a client. */
static void describe(const struct rhb_proxy_header *header, char *out, size_t cap)
{
    char address[RHB_PEER_TEXT + 1] = {0};
    if (!header->names_client)
        snprintf(out, cap, "%zu -", header->len);
    else if (rhb_peer_text(&header->client, address) == 0)
        snprintf(out, cap, "%zu family %d", header->len, header->client.family);
    else
        snprintf(out, cap, "%zu %s %u", header->len, address, header->client.port);
}

static void check_ok(struct rhb_test *t, const char *data, size_t len, const char *expected)
{
    struct rhb_proxy_header header;
    char said[200];
    int failures = t->failures;
    if (CHECK_INT(read_every_way(t, BOTH, data, len, &header), RHB_PROXY_OK)) {
        describe(&header, said, sizeof said);
        CHECK_STR(said, strlen(said), expected);
    }
    if (t->failures > failures)
        rhb_note_bytes("header", data, len);
}

static void check_result(struct rhb_test *t, const char *data, size_t len,
                         enum rhb_proxy_result expected)
{
    struct rhb_proxy_header header;
    if (!CHECK_INT(read_every_way(t, BOTH, data, len, &header), expected))
        rhb_note_bytes("header", data, len);
}

/* ---- version 1 ---- */

static void lines_name_the_client(struct rhb_test *t)
{
    static const struct {
        const char *line, *expected;
    } rows[] = {
        {"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", "39 192.0.2.1 4711"},
        {"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\nGET / HTTP/1.1\r\n", "39 192.0.2.1 4711"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "56 255.255.255.255 65535"},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "32 0.0.0.0 0"},
        {"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "36 2001:db8::1 4711"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         "104 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 80\r\n", "41 192.0.2.1 4711"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_ok(t, rows[i].line, strlen(rows[i].line), rows[i].expected);
}

static void an_unknown_line_has_no_client(struct rhb_test *t)
{
    static const char *const lines[] = {
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN 1.2.3.4 1.2.3.4 5 6\r\n", "PROXY UNKNOWN \r\n",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", /* the longest line there is */
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%zu -", strlen(lines[i]));
        check_ok(t, lines[i], strlen(lines[i]), expected);
    }
    CHECK_INT(strlen(lines[3]), RHB_PROXY_V1_MAX);
}

static void lines_that_are_none(struct rhb_test *t)
{
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY\tTCP4 1.2.3.4 1.2.3.4 5 6\r\n",
        "proxy TCP4 1.2.3.4 1.2.3.4 5 6\r\n",
        " PROXY TCP4 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY tcp4 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY TCP 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY  TCP4 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5  6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6 7\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 \r\n",
        "PROXY TCP4 1.2.3.4 ::1 5 6\r\n",
        "PROXY TCP4 ::1 ::1 5 6\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 5 6\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 5 6\r\n",
        "PROXY TCP4 1.2.3.4 a 5 6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 65536 6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 05 6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 00\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -5 6\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\rX",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\r\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN \r \r\n",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655351\r\n",
        "PROXY TCP6 0000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        check_result(t, lines[i], strlen(lines[i]), RHB_PROXY_BAD);
}

static void half_a_line_may_become_one(struct rhb_test *t)
{
    static const char *const lines[] = {"", "P", "PROXY ", "PROXY TCP4 1.2", "PROXY UNKNOWN\r"};
    for (size_t i = 0; i < COUNT(lines); i++)
        check_result(t, lines[i], strlen(lines[i]), RHB_PROXY_INCOMPLETE);
}

/* ---- version 2 ---- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) text, sizeof(text) - 1

#define TCP4                                                                                       \
    "\x11\0\x0c"                                                                                   \
    "\xc0\0\x02\x01"                                                                               \
    "\x0a\0\0\x01"                                                                                 \
    "\x12\x67"                                                                                     \
    "\0\x50"
#define TCP6_ADDRESSES                                                                             \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                   \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"                                                           \
    "\x12\x67"                                                                                     \
    "\0\x50"

static void binary_headers_name_the_client(struct rhb_test *t)
{
    check_ok(t, BYTES(SIGNATURE "\x21" TCP4), "28 192.0.2.1 4711");
    check_ok(t, BYTES(SIGNATURE "\x21" TCP4 "GET / HTTP/1.1\r\n"), "28 192.0.2.1 4711");
    check_ok(t, BYTES(SIGNATURE "\x21\x21\0\x24" TCP6_ADDRESSES), "52 2001:db8::1 4711");
}

static void a_unix_client_has_no_address(struct rhb_test *t)
{
    char header[16 + 216] = SIGNATURE "\x21\x31\0\xd8"
                                      "/run/a";
    check_ok(t, header, sizeof header, "232 family 1");
}

static void a_local_header_has_no_client(struct rhb_test *t)
{
    check_ok(t, BYTES(SIGNATURE "\x20\0\0\0"), "16 -");
    check_ok(t, BYTES(SIGNATURE "\x20" TCP4), "28 -");
    check_ok(t,
             BYTES(SIGNATURE "\x20\xff\0\x02"
                             "ab"),
             "18 -");
}

static void an_unknown_kind_of_connection_has_no_client(struct rhb_test *t)
{
    check_ok(t, BYTES(SIGNATURE "\x21\0\0\0"), "16 -");
    check_ok(t,
             BYTES(SIGNATURE "\x21\0\0\x03"
                             "\x04\0\0"),
             "19 -"); /* with a TLV */
    check_ok(t,
             BYTES(SIGNATURE "\x21\x12\0\x0c"
                             "aaaabbbbccdd"),
             "28 -"); /* UDP */
    check_ok(t, BYTES(SIGNATURE "\x21\x22\0\x24" TCP6_ADDRESSES), "52 -");
    check_ok(t,
             BYTES(SIGNATURE "\x21\x10\0\x0c"
                             "aaaabbbbccdd"),
             "28 -");
    check_ok(t, BYTES(SIGNATURE "\x21\x01\0\0"), "16 -");
}

#define TCP4_WITH(length)                                                                          \
    "\x21\x11" length "\xc0\0\x02\x01"                                                             \
    "\x0a\0\0\x01"                                                                                 \
    "\x12\x67"                                                                                     \
    "\0\x50"

static void tlvs_behind_the_addresses_are_skipped(struct rhb_test *t)
{
    check_ok(t, BYTES(SIGNATURE TCP4_WITH("\0\x0f") "\x04\0\0"), "31 192.0.2.1 4711");
    check_ok(t,
             BYTES(SIGNATURE TCP4_WITH("\0\x18") "\x01\0\x02h2"
                                                 "\x20\0\x04"
                                                 "abcd"),
             "40 192.0.2.1 4711");
    char large[RHB_PROXY_V2_MAX] = SIGNATURE TCP4_WITH("\x0f\xf0") "\x04\x0f\xe1";
    check_ok(t, large, sizeof large, "4096 192.0.2.1 4711");
}

static void tlvs_that_reach_over_the_end(struct rhb_test *t)
{
    check_result(t, BYTES(SIGNATURE TCP4_WITH("\0\x0d") "\x04"), RHB_PROXY_BAD);
    check_result(t, BYTES(SIGNATURE TCP4_WITH("\0\x0e") "\x04\0"), RHB_PROXY_BAD);
    check_result(t, BYTES(SIGNATURE TCP4_WITH("\0\x0f") "\x04\0\x01"), RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE TCP4_WITH("\0\x0f") "\x04\0\x01"
                                                     "more"),
                 RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE TCP4_WITH("\0\x10") "\x04\xff\xff"
                                                     "x"),
                 RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE "\x21\0\0\x01"
                                 "x"),
                 RHB_PROXY_BAD);
}

static void binary_headers_that_are_none(struct rhb_test *t)
{
    check_result(t, BYTES("\r\n\r\n\0\r\nQUIT\r\x21" TCP4), RHB_PROXY_BAD);
    check_result(t, BYTES("\r\n\r\nGET / HTTP/1.1\r\n"), RHB_PROXY_BAD);
    check_result(t, BYTES(SIGNATURE "\x11" TCP4), RHB_PROXY_BAD); /* version 1 */
    check_result(t, BYTES(SIGNATURE "\x31" TCP4), RHB_PROXY_BAD);
    check_result(t, BYTES(SIGNATURE "\x22" TCP4), RHB_PROXY_BAD); /* an unknown command */
    check_result(t, BYTES(SIGNATURE "\x21\x41\0\0"), RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE "\x21\x13\0\x0c"
                                 "aaaabbbbccdd"),
                 RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE "\x21\x11\0\x0b"
                                 "aaaabbbbccd"),
                 RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE "\x21\x21\0\x0c"
                                 "aaaabbbbccdd"),
                 RHB_PROXY_BAD);
    check_result(t,
                 BYTES(SIGNATURE "\x21\x31\0\x0c"
                                 "aaaabbbbccdd"),
                 RHB_PROXY_BAD);
    check_result(t, BYTES(SIGNATURE "\x21\x11\x0f\xf1"), RHB_PROXY_BAD); /* one too long */
    check_result(t, BYTES(SIGNATURE "\x20\x11\xff\xff"), RHB_PROXY_BAD);
}

static void half_a_binary_header_may_become_one(struct rhb_test *t)
{
    check_result(t, BYTES("\r"), RHB_PROXY_INCOMPLETE);
    check_result(t, BYTES(SIGNATURE), RHB_PROXY_INCOMPLETE);
    check_result(t, BYTES(SIGNATURE "\x21\x11\0"), RHB_PROXY_INCOMPLETE);
    check_result(t,
                 BYTES(SIGNATURE "\x21\x11\0\x0c"
                                 "aaaabbbbccd"),
                 RHB_PROXY_INCOMPLETE);
}

static void a_version_that_is_not_wanted_is_none(struct rhb_test *t)
{
    static const char line[] = "PROXY UNKNOWN\r\n", binary[] = SIGNATURE "\x20\0\0\0";
    struct rhb_proxy_header header;
    CHECK_INT(rhb_proxy_read(&header, RHB_PROXY_V1, line, sizeof line - 1), RHB_PROXY_OK);
    CHECK_INT(rhb_proxy_read(&header, RHB_PROXY_V2, line, sizeof line - 1), RHB_PROXY_BAD);
    CHECK_INT(rhb_proxy_read(&header, RHB_PROXY_V2, line, 1), RHB_PROXY_BAD);
    CHECK_INT(rhb_proxy_read(&header, RHB_PROXY_V1, binary, sizeof binary - 1), RHB_PROXY_BAD);
    CHECK_INT(rhb_proxy_read(&header, RHB_PROXY_V2, binary, sizeof binary - 1), RHB_PROXY_OK);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(lines_name_the_client),
        RHB_CASE(an_unknown_line_has_no_client),
        RHB_CASE(lines_that_are_none),
        RHB_CASE(half_a_line_may_become_one),
        RHB_CASE(binary_headers_name_the_client),
        RHB_CASE(a_unix_client_has_no_address),
        RHB_CASE(a_local_header_has_no_client),
        RHB_CASE(an_unknown_kind_of_connection_has_no_client),
        RHB_CASE(tlvs_behind_the_addresses_are_skipped),
        RHB_CASE(tlvs_that_reach_over_the_end),
        RHB_CASE(binary_headers_that_are_none),
        RHB_CASE(half_a_binary_header_may_become_one),
        RHB_CASE(a_version_that_is_not_wanted_is_none),
    };
    return RHB_RUN(cases);
}
