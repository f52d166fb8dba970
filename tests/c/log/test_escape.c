/* csrc/log/escape.c: nothing a client sends may look like more than one value on one line.
 */
#include "harness.h"
#include "log/escape.h"
#include <stdio.h>
#include <stdlib.h>

static void check_escaped(struct rhb_test *t, const char *from, size_t len, const char *expected)
{
    char *to = malloc(RHB_ACCESS_ESCAPED * len + 1);
    char *end = rhb_access_escape(to, from, len);
    CHECK_STR(to, (size_t)(end - to), expected);
    free(to);
}

static void printable_ascii_stays_as_it_is(struct rhb_test *t)
{
    check_escaped(t, "", 0, "");
    check_escaped(t, "a b~!#[]{}%'", 12, "a b~!#[]{}%'");
}

static void a_line_end_cannot_be_written(struct rhb_test *t)
{
    check_escaped(t, "a\r\n127.0.0.1 -", 14, "a\\x0D\\x0A127.0.0.1 -");
}

static void a_quote_and_a_backslash_cannot_be_written(struct rhb_test *t)
{
    check_escaped(t, "\" 200 \\x22", 10, "\\x22 200 \\x5Cx22");
}

static void nul_escape_del_and_high_bytes_become_hex(struct rhb_test *t)
{
    check_escaped(t, "\0\x1b[2J\x7f\x80\xc3\xa9\xff", 10, "\\x00\\x1B[2J\\x7F\\x80\\xC3\\xA9\\xFF");
}

/* The same rule, byte by byte. */
static size_t escape_plainly(char *to, const unsigned char *from, size_t len)
{
    char *start = to;
    for (size_t i = 0; i < len; i++)
        if (from[i] < 0x20 || from[i] >= 0x7f || from[i] == '"' || from[i] == '\\')
            to += sprintf(to, "\\x%02X", from[i]);
        else
            *to++ = (char)from[i];
    *to = '\0';
    return (size_t)(to - start);
}

/* Mostly clean, with every kind of byte now and then, above all those next to the limits. */
static unsigned char some_byte(uint64_t *seed)
{
    static const unsigned char edges[] = {0x00, 0x1f, 0x20, 0x21, '"',  '#', '[',
                                          '\\', ']',  0x7e, 0x7f, 0x80, 0xff};
    uint64_t random = rhb_random(seed) >> 8;
    if (random % 8 == 0)
        return edges[random / 8 % sizeof edges];
    return random % 8 == 1 ? (unsigned char)(random / 8) : (unsigned char)('a' + random / 8 % 26);
}

static void random_bytes_of_every_length_are_escaped_within_their_space(struct rhb_test *t)
{
    struct rhb_guard input = rhb_guard_new(64), output = rhb_guard_new(RHB_ACCESS_ESCAPED * 64);
    uint64_t seed = 20261121;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[64];
        char expected[RHB_ACCESS_ESCAPED * 64 + 1], blank[RHB_ACCESS_ESCAPED * 64] = {0};
        size_t len = (size_t)round % (sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = some_byte(&seed);
        char *to = rhb_guard_put(&output, blank, RHB_ACCESS_ESCAPED * len);
        char *end = rhb_access_escape(to, rhb_guard_put(&input, bytes, len), len);
        size_t expected_len = escape_plainly(expected, bytes, len);
        if (!CHECK_MEM(to, (size_t)(end - to), expected, expected_len))
            break;
    }
    rhb_guard_free(&input);
    rhb_guard_free(&output);
}

/* expected: NULL when the value is to be refused. */
static void check_user(struct rhb_test *t, const char *authorization, const char *expected)
{
    size_t len = strlen(authorization);
    struct rhb_guard guard = rhb_guard_new(len + 1);
    char *to = malloc(RHB_ACCESS_ESCAPED * len + 1);
    char *end = rhb_access_escape_user(to, rhb_guard_put(&guard, authorization, len), len);
    bool held = expected == NULL
                    ? CHECK(end == NULL)
                    : CHECK(end != NULL) && CHECK_STR(to, (size_t)(end - to), expected);
    if (!held)
        rhb_note(t, "of: %s", authorization);
    free(to);
    rhb_guard_free(&guard);
}

static void the_user_of_basic_credentials_is_found(struct rhb_test *t)
{
    check_user(t, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin");
    check_user(t, "bAsIc   YTpi", "a");
    check_user(t, "Basic YTpiOmM6ZA==", "a");
    check_user(t, "Basic OnNlY3JldA==", "");
    check_user(t, "Basic Pz8/Pj4+Og==", "?\?\?>>>");
}

static void a_user_cannot_shift_columns_or_end_the_line(struct rhb_test *t)
{
    check_user(t, "Basic YSBiCiI6eA==", "a\\x20b\\x0A\\x22");
}

static void credentials_that_are_not_well_formed_have_no_user(struct rhb_test *t)
{
    static const char *const bad[] = {
        "",
        "Basic",
        "Basic ",
        "Bearer YTpi",
        "BasicYTpi",
        "Basic YTp",       /* not a multiple of four */
        "Basic YWI=",      /* no colon */
        "Basic YT!i",      /* not of the alphabet */
        "Basic Y-_i",      /* of another one */
        "Basic YTpi YTpi", /* a space within */
        "Basic Y===",      /* too much padding */
        "Basic YTpi====",
        "Basic ====",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_user(t, bad[i], NULL);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(printable_ascii_stays_as_it_is),
        RHB_CASE(a_line_end_cannot_be_written),
        RHB_CASE(a_quote_and_a_backslash_cannot_be_written),
        RHB_CASE(nul_escape_del_and_high_bytes_become_hex),
        RHB_CASE(random_bytes_of_every_length_are_escaped_within_their_space),
        RHB_CASE(the_user_of_basic_credentials_is_found),
        RHB_CASE(a_user_cannot_shift_columns_or_end_the_line),
        RHB_CASE(credentials_that_are_not_well_formed_have_no_user),
    };
    return RHB_RUN(cases);
}
