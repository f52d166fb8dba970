/* Request targets, hosts and percent-decoding. Every input is in memory of exactly its size, so
 * that ASan finds the first byte that is read before or behind it. */
#include "harness.h"
#include "http/target.h"
#include <ctype.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(text) text, sizeof(text) - 1

static char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

static const struct target_row {
    const char *method, *raw;
    int status;
    enum rhb_target_form form;
    const char *path, *query, *authority; /* authority NULL: none */
} target_rows[] = {
    /* RFC 9112 section 3.2.1 */
    {"GET", "/", 0, RHB_TARGET_ORIGIN, "/", "", NULL},
    {"GET", "/a/b", 0, RHB_TARGET_ORIGIN, "/a/b", "", NULL},
    {"GET", "/a?b=c", 0, RHB_TARGET_ORIGIN, "/a", "b=c", NULL},
    {"GET", "/a?", 0, RHB_TARGET_ORIGIN, "/a", "", NULL},
    {"GET", "/a?b?c", 0, RHB_TARGET_ORIGIN, "/a", "b?c", NULL},
    {"GET", "//evil.example/x", 0, RHB_TARGET_ORIGIN, "//evil.example/x", "", NULL},
    {"GET", "/http://h/", 0, RHB_TARGET_ORIGIN, "/http://h/", "", NULL},
    {"GET", "/\xc3\xa9?\xff", 0, RHB_TARGET_ORIGIN, "/\xc3\xa9", "\xff", NULL},
    {"GET", "/%zz?%zz", 0, RHB_TARGET_ORIGIN, "/%zz", "%zz", NULL},
    {"GET", "/a#f", 400, 0, NULL, NULL, NULL}, /* no form has a fragment */
    {"GET", "/a?b#f?g", 400, 0, NULL, NULL, NULL},
    {"GET", "/a#f?b", 400, 0, NULL, NULL, NULL},
    {"GET", "/#", 400, 0, NULL, NULL, NULL},
    {"GET", "/a?#", 400, 0, NULL, NULL, NULL},
    {"OPTIONS", "/a", 0, RHB_TARGET_ORIGIN, "/a", "", NULL},
    /* section 3.2.2 */
    {"GET", "http://h/p?q", 0, RHB_TARGET_ABSOLUTE, "/p", "q", "h"},
    {"GET", "http://h", 0, RHB_TARGET_ABSOLUTE, "/", "", "h"},
    {"GET", "http://h?q", 0, RHB_TARGET_ABSOLUTE, "/", "q", "h"},
    {"GET", "http://h#f", 400, 0, NULL, NULL, NULL},
    {"GET", "http://h/p#f", 400, 0, NULL, NULL, NULL},
    {"GET", "http://h/p?q#f", 400, 0, NULL, NULL, NULL},
    {"GET", "https://h:8443/", 0, RHB_TARGET_ABSOLUTE, "/", "", "h:8443"},
    {"GET", "HTTP://H/", 0, RHB_TARGET_ABSOLUTE, "/", "", "H"},
    {"GET", "hTTpS://h/", 0, RHB_TARGET_ABSOLUTE, "/", "", "h"},
    {"GET", "http://[::1]:80/", 0, RHB_TARGET_ABSOLUTE, "/", "", "[::1]:80"},
    {"OPTIONS", "http://h", 0, RHB_TARGET_ABSOLUTE, "/", "", "h"},
    {"GET", "http://", 400, 0, NULL, NULL, NULL},
    {"GET", "http:///p", 400, 0, NULL, NULL, NULL},
    {"GET", "http://?q", 400, 0, NULL, NULL, NULL},
    {"GET", "http://:80/", 400, 0, NULL, NULL, NULL},
    {"GET", "http:/h/", 400, 0, NULL, NULL, NULL},
    {"GET", "http:h", 400, 0, NULL, NULL, NULL},
    {"GET", "http", 400, 0, NULL, NULL, NULL},
    {"GET", "https:/", 400, 0, NULL, NULL, NULL},
    {"GET", "ftp://h/", 400, 0, NULL, NULL, NULL},
    {"GET", "httpx://h/", 400, 0, NULL, NULL, NULL},
    {"GET", "://h/", 400, 0, NULL, NULL, NULL},
    {"GET", "http://user@h/", 400, 0, NULL, NULL, NULL}, /* RFC 9110 section 4.2.4 */
    {"GET", "http://user:pw@h/", 400, 0, NULL, NULL, NULL},
    {"GET", "http://@h/", 400, 0, NULL, NULL, NULL},
    {"GET", "http://h:x/", 400, 0, NULL, NULL, NULL},
    {"GET", "http://h\\evil/", 400, 0, NULL, NULL, NULL},
    {"GET", "http://h\xc3\xa9/", 400, 0, NULL, NULL, NULL},
    /* section 3.2.3 */
    {"CONNECT", "h:443", 501, 0, NULL, NULL, NULL},
    {"CONNECT", "/", 501, 0, NULL, NULL, NULL},
    {"connect", "/", 0, RHB_TARGET_ORIGIN, "/", "", NULL},
    {"GET", "h:443", 400, 0, NULL, NULL, NULL},
    /* section 3.2.4 */
    {"OPTIONS", "*", 0, RHB_TARGET_ASTERISK, "*", "", NULL},
    {"GET", "*", 400, 0, NULL, NULL, NULL},
    {"options", "*", 400, 0, NULL, NULL, NULL},
    {"OPTIONS", "**", 400, 0, NULL, NULL, NULL},
    {"OPTIONS", "*?q", 400, 0, NULL, NULL, NULL},
    {"OPTIONS", "*/", 400, 0, NULL, NULL, NULL},
    {"OPTIONS", "*#", 400, 0, NULL, NULL, NULL},
    /* none of the forms */
    {"GET", "", 400, 0, NULL, NULL, NULL},
    {"GET", "a", 400, 0, NULL, NULL, NULL},
    {"GET", "?q", 400, 0, NULL, NULL, NULL},
    {"GET", "#f", 400, 0, NULL, NULL, NULL},
    {"GET", "\\a", 400, 0, NULL, NULL, NULL},
    {"GET", "%2f", 400, 0, NULL, NULL, NULL},
};

static void check_parts(struct rhb_test *t, const struct target_row *row,
                        const struct rhb_target *target)
{
    CHECK_INT(target->form, row->form);
    CHECK_STR(target->path, target->path_len, row->path);
    CHECK_STR(target->query, target->query_len, row->query);
    CHECK_INT(target->authority == NULL, row->authority == NULL);
    if (row->authority != NULL)
        CHECK_STR(target->authority, target->authority_len, row->authority);
}

static void a_target_is_split_by_its_form(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(target_rows); i++) {
        const struct target_row *row = &target_rows[i];
        size_t method_len = strlen(row->method), raw_len = strlen(row->raw);
        char *method = copy_exactly(row->method, method_len),
             *raw = copy_exactly(row->raw, raw_len);
        struct rhb_target target;
        int before = t->failures;
        int status = rhb_target_split(&target, method, method_len, raw, raw_len);
        if (CHECK_INT(status, row->status) && status == 0)
            check_parts(t, row, &target);
        if (t->failures != before)
            rhb_note(t, "%s %s", row->method, row->raw);
        free(method);
        free(raw);
    }
}

static const struct host_row {
    const char *host;
    size_t len;
    bool is_host;
} host_rows[] = {
    {BYTES("localhost"), true},
    {BYTES("example.com"), true},
    {BYTES("Example.COM."), true},
    {BYTES("a"), true},
    {BYTES("a_b.example"), true},
    {BYTES("xn--bcher-kva.example"), true},
    {BYTES("a%20b"), true}, /* RFC 3986 section 3.2.2: a reg-name may hold escapes */
    {BYTES("%41"), true},
    {BYTES("a!$&'()*+,;=~b"), true},
    {BYTES("127.0.0.1"), true},
    {BYTES("999.0.0.1"), true}, /* not IPv4, hence a registered name */
    {BYTES("a:80"), true},
    {BYTES("a:0"), true},
    {BYTES("a:65535"), true},
    {BYTES("a:00080"), true},
    {BYTES("a:"), true}, /* section 3.2.3: the port may be empty */
    {BYTES("[::1]"), true},
    {BYTES("[::]:80"), true},
    {BYTES("[2001:DB8::a]:"), true},
    {BYTES("[::ffff:192.0.2.1]:8000"), true},
    {BYTES("[1111:2222:3333:4444:5555:6666:255.255.255.255]"), true},
    {BYTES(""), false},
    {BYTES(":"), false},
    {BYTES(":80"), false},
    {BYTES("a:65536"), false},
    {BYTES("a:99999999999999999999999"), false},
    {BYTES("a:-1"), false},
    {BYTES("a:+80"), false},
    {BYTES("a:8_0"), false},
    {BYTES("a:0x50"), false},
    {BYTES("a: 80"), false},
    {BYTES("a:80:80"), false},
    {BYTES("a:80/"), false},
    {BYTES("a:\xd9\xa5"), false},
    {BYTES("a b"), false},
    {BYTES("a, b"), false},
    {BYTES(" a"), false},
    {BYTES("a\t"), false},
    {BYTES("a/b"), false},
    {BYTES("a\\b"), false},
    {BYTES("a?b"), false},
    {BYTES("a#b"), false},
    {BYTES("u@a"), false},
    {BYTES("u:p@a"), false},
    {BYTES("a<b"), false},
    {BYTES("a\"b"), false},
    {BYTES("a|b"), false},
    {BYTES("a^b"), false},
    {BYTES("a`b"), false},
    {BYTES("{a}"), false},
    {BYTES("a\0b"), false},
    {BYTES("a\x7f"), false},
    {BYTES("b\xc3\xbc"), false},
    {BYTES("%"), false},
    {BYTES("%4"), false},
    {BYTES("%4g"), false},
    {BYTES("a%zzb"), false},
    {BYTES("["), false},
    {BYTES("]"), false},
    {BYTES("[]"), false},
    {BYTES("[]:80"), false},
    {BYTES("[::1"), false},
    {BYTES("::1"), false},
    {BYTES("[::1]a"), false},
    {BYTES("[::1]80"), false},
    {BYTES("[::1]:x"), false},
    {BYTES("[::1]]"), false},
    {BYTES("[[::1]]"), false},
    {BYTES("a[::1]"), false},
    {BYTES("[127.0.0.1]"), false},
    {BYTES("[example]"), false},
    {BYTES("[1:2:3]"), false},
    {BYTES("[1::2::3]"), false},
    {BYTES("[12345::]"), false},
    {BYTES("[::g]"), false},
    {BYTES("[::1\0]"), false},
    {BYTES("[::1%25eth0]"), false},
    {BYTES("[fe80::1%eth0]"), false},
    {BYTES("[v1.x]"), false},
    {BYTES("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"), false},
    {BYTES("[1111:2222:3333:4444:5555:6666:1255.255.255.255]"),
     false}, /* one byte too long for the buffer */
};

static void a_host_is_a_name_or_an_address_with_an_optional_port(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(host_rows); i++) {
        char *host = copy_exactly(host_rows[i].host, host_rows[i].len);
        if (!CHECK_INT(rhb_is_host(host, host_rows[i].len) != 0, host_rows[i].is_host))
            rhb_note_bytes("host", host, host_rows[i].len);
        free(host);
    }
}

static void every_byte_of_a_name_is_judged_by_the_grammar(struct rhb_test *t)
{
    for (unsigned byte = 1; byte < 256; byte++) {
        char *host = copy_exactly("a?b", 3);
        host[1] = (char)byte;
        bool allowed =
            byte == ':' ? false : isalnum((int)byte) || strchr("-._~!$&'()*+,;=", (int)byte);
        if (!CHECK_INT(rhb_is_host(host, 3) != 0, allowed))
            rhb_note(t, "byte 0x%02x", byte);
        free(host);
    }
}

static const struct decode_row {
    const char *from;
    size_t from_len;
    const char *to; /* NULL: bad */
    size_t to_len;
} decode_rows[] = {
    {BYTES(""), BYTES("")},
    {BYTES("/"), BYTES("/")},
    {BYTES("/plain/path"), BYTES("/plain/path")},
    {BYTES("/a%20b"), BYTES("/a b")},
    {BYTES("%41"), BYTES("A")},
    {BYTES("%41%42%43"), BYTES("ABC")},
    {BYTES("x%41yy%42zzz%43"), BYTES("xAyyBzzzC")},
    {BYTES("%c3%A9"), BYTES("\xc3\xa9")},
    {BYTES("%2525"), BYTES("%25")},
    {BYTES("%2F..%2f"), BYTES("/../")},
    {BYTES("%00x"), BYTES("\0x")},
    {BYTES("%0d%0a"), BYTES("\r\n")},
    {BYTES("a+b%2B"), BYTES("a+b+")},
    {BYTES("\xff\x80%7e"), BYTES("\xff\x80~")},
    {BYTES("%"), NULL, 0},
    {BYTES("/a%"), NULL, 0},
    {BYTES("/a%4"), NULL, 0},
    {BYTES("/a%4g"), NULL, 0},
    {BYTES("/a%g4"), NULL, 0},
    {BYTES("%%41"), NULL, 0},
    {BYTES("%-1"), NULL, 0},
    {BYTES("%+1"), NULL, 0},
    {BYTES("% 1"), NULL, 0},
    {BYTES("%0x"), NULL, 0},
    {BYTES("%u0041"), NULL, 0},
    {BYTES("%41%4"), NULL, 0},
};

static void check_decoded(struct rhb_test *t, const struct decode_row *row, const char *dst,
                          ssize_t len)
{
    if (row->to == NULL)
        CHECK_INT(len, -1);
    else if (CHECK(len >= 0))
        CHECK_MEM(dst, (size_t)len, row->to, row->to_len);
}

static void escapes_are_decoded_into_another_buffer(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(decode_rows); i++) {
        const struct decode_row *row = &decode_rows[i];
        char *src = copy_exactly(row->from, row->from_len);
        char *dst = malloc(row->from_len ? row->from_len : 1);
        check_decoded(t, row, dst, rhb_percent_decode(dst, src, row->from_len));
        CHECK_MEM(src, row->from_len, row->from, row->from_len);
        free(src);
        free(dst);
    }
}

static void escapes_are_decoded_in_place(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(decode_rows); i++) {
        const struct decode_row *row = &decode_rows[i];
        char *both = copy_exactly(row->from, row->from_len);
        check_decoded(t, row, both, rhb_percent_decode(both, both, row->from_len));
        free(both);
    }
}

static int digit_value(unsigned byte)
{
    const char *digits = "0123456789abcdef";
    const char *at = byte != 0 ? strchr(digits, tolower((int)byte)) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void every_pair_behind_a_percent_sign_is_judged(struct rhb_test *t)
{
    for (unsigned pair = 0; pair < 65536; pair++) {
        char src[3] = {'%', (char)(pair >> 8), (char)(pair & 0xff)}, dst[3];
        int high = digit_value(pair >> 8), low = digit_value(pair & 0xff);
        bool good = high >= 0 && low >= 0;
        CHECK_INT(rhb_percent_decode(dst, src, 3), good ? 1 : -1);
        if (good)
            CHECK_INT((unsigned char)dst[0], high * 16 + low);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_target_is_split_by_its_form),
        RHB_CASE(a_host_is_a_name_or_an_address_with_an_optional_port),
        RHB_CASE(every_byte_of_a_name_is_judged_by_the_grammar),
        RHB_CASE(escapes_are_decoded_into_another_buffer),
        RHB_CASE(escapes_are_decoded_in_place),
        RHB_CASE(every_pair_behind_a_percent_sign_is_judged),
    };
    return RHB_RUN(cases);
}
