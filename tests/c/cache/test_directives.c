/* csrc/cache/directives.c: Cache-Control and targeted fields. */
#include "cache/directives.h"
#include "harness.h"
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Reads the value from memory that an unreadable page follows. */
static struct rhb_directives read_lines(const char *const *lines, size_t count)
{
    struct rhb_directives directives = {0};
    for (size_t i = 0; i < count && lines[i] != NULL; i++) {
        struct rhb_guard guard = rhb_guard_new(strlen(lines[i]) + 1);
        char *value = rhb_guard_put(&guard, lines[i], strlen(lines[i]));
        rhb_directives_read(&directives, value, strlen(lines[i]));
        rhb_guard_free(&guard);
    }
    return directives;
}

static void directives_are_read(struct rhb_test *t)
{
    static const struct {
        const char *lines[2];
        unsigned seen;
        uint32_t max_age, s_maxage;
    } rows[] = {
        {{""}, 0, 0, 0},
        {{", ,,"}, 0, 0, 0},
        {{"max-age=60"}, RHB_MAX_AGE, 60, 0},
        {{"MAX-AGE=60, Public"}, RHB_MAX_AGE | RHB_PUBLIC, 60, 0},
        {{"max-age=\"60\""}, RHB_MAX_AGE, 60, 0},
        {{" no-store ,private"}, RHB_NO_STORE | RHB_PRIVATE, 0, 0},
        {{"no-cache=\"a, public, max-age=5\""}, RHB_NO_CACHE, 0, 0},
        {{"unknown=\"a, max-age=5, \\\" , no-store\", s-maxage=7"}, RHB_S_MAXAGE, 0, 7},
        {{"unknown, max-agent=5, xmax-age=5"}, 0, 0, 0},
        {{"max-age=60, max-age=60"}, RHB_MAX_AGE, 60, 0},
        {{"max-age=60, max-age=61"}, RHB_MAX_AGE, 0, 0},
        {{"max-age=60", "max-age=0"}, RHB_MAX_AGE, 0, 0},
        {{"max-age=60", "s-maxage=5"}, RHB_MAX_AGE | RHB_S_MAXAGE, 60, 5},
        {{"max-age"}, RHB_MAX_AGE, 0, 0},
        {{"max-age="}, RHB_MAX_AGE, 0, 0},
        {{"max-age=-1"}, RHB_MAX_AGE, 0, 0},
        {{"max-age=1.5"}, RHB_MAX_AGE, 0, 0},
        {{"max-age=5s"}, RHB_MAX_AGE, 0, 0},
        {{"max-age = 60"}, RHB_MAX_AGE, 0, 0},
        {{"max-age='60'"}, RHB_MAX_AGE, 0, 0},
        {{"max-age=0000000000000000000000060"}, RHB_MAX_AGE, 60, 0},
        {{"max-age=2147483648"}, RHB_MAX_AGE, RHB_MOST_SECONDS, 0},
        {{"max-age=99999999999999999999999999"}, RHB_MAX_AGE, RHB_MOST_SECONDS, 0},
        {{"no-store foo"}, RHB_NO_STORE, 0, 0},
        {{"private=x"}, RHB_PRIVATE, 0, 0},
        {{"public foo"}, 0, 0, 0},
        {{"must-revalidate, proxy-revalidate, must-understand"},
         RHB_MUST_REVALIDATE | RHB_PROXY_REVALIDATE | RHB_MUST_UNDERSTAND,
         0,
         0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rhb_directives got = read_lines(rows[i].lines, 2);
        bool right = CHECK_INT(got.seen, rows[i].seen) && CHECK_INT(got.max_age, rows[i].max_age) &&
                     CHECK_INT(got.s_maxage, rows[i].s_maxage) && CHECK(!got.broken);
        if (!right)
            rhb_note(t, "%s", rows[i].lines[0]);
    }
}

static void those_of_requests_and_of_stale_responses_have_numbers(struct rhb_test *t)
{
    const char *lines[] = {"max-stale=3, min-fresh=4, stale-while-revalidate=5, stale-if-error=6"};
    struct rhb_directives got = read_lines(lines, 1);
    CHECK_INT(got.max_stale, 3);
    CHECK_INT(got.min_fresh, 4);
    CHECK_INT(got.stale_while_revalidate, 5);
    CHECK_INT(got.stale_if_error, 6);
    const char *bare[] = {"max-stale, only-if-cached"};
    got = read_lines(bare, 1);
    CHECK_INT(got.max_stale, RHB_MOST_SECONDS);
    CHECK(got.seen & RHB_ONLY_IF_CACHED);
}

static void a_string_without_an_end_is_noticed(struct rhb_test *t)
{
    const char *lines[] = {"max-age=60, a=\"b, no-store"};
    CHECK(read_lines(lines, 1).broken);
    const char *escaped[] = {"a=\"b\\\", no-store"};
    CHECK(read_lines(escaped, 1).broken);
}

static void targeted_fields_are_dictionaries(struct rhb_test *t)
{
    static const struct {
        const char *value;
        bool valid;
        unsigned seen;
        uint32_t max_age;
    } rows[] = {
        {"max-age=60", true, RHB_MAX_AGE, 60},
        {"max-age=60, public", true, RHB_MAX_AGE | RHB_PUBLIC, 60},
        {"max-age=60;a=b;c, no-store", true, RHB_MAX_AGE | RHB_NO_STORE, 60},
        {"max-age=60 , max-age=5", true, RHB_MAX_AGE, 5},
        {"max-age=\"60\"", true, RHB_MAX_AGE, 0},
        {"max-age=60.5", true, RHB_MAX_AGE, 0},
        {"max-age=-5", true, RHB_MAX_AGE, 0},
        {"max-age=999999999999999", true, RHB_MAX_AGE, RHB_MOST_SECONDS},
        {"max-age=9999999999999999", false, 0, 0},
        {"no-store=?0", true, 0, 0},
        {"no-store=?1", true, RHB_NO_STORE, 0},
        {"*x=:YQ==:, a=b/c, public", true, RHB_PUBLIC, 0},
        {"", false, 0, 0},
        {"  ", false, 0, 0},
        {"max-age=60,", false, 0, 0},
        {",max-age=60", false, 0, 0},
        {"Max-Age=60", false, 0, 0},
        {"max-age=", false, 0, 0},
        {"max-age =60", false, 0, 0},
        {"max-age=60 public", false, 0, 0},
        {"a=(1 2), max-age=60", false, 0, 0},
        {"a=\"b, max-age=60", false, 0, 0},
        {"a=\"\\b\", max-age=60", false, 0, 0},
        {"a=:YQ==", false, 0, 0},
        {"max-age=60;", false, 0, 0},
        {"max-age=60;a=", false, 0, 0},
        {"max-age=1.", false, 0, 0},
        {"max-age=-", false, 0, 0},
        {"a=?2", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].value);
        struct rhb_guard guard = rhb_guard_new(len + 1);
        struct rhb_directives got = {0};
        bool valid =
            rhb_directives_read_targeted(&got, rhb_guard_put(&guard, rows[i].value, len), len);
        bool right = CHECK_INT(valid, rows[i].valid);
        if (valid)
            right = CHECK_INT(got.seen, rows[i].seen) && CHECK_INT(got.max_age, rows[i].max_age) &&
                    right;
        if (!right)
            rhb_note(t, "%s", rows[i].value);
        rhb_guard_free(&guard);
    }
}

static void those_of_surrogate_control_may_be_for_one_cache(struct rhb_test *t)
{
    static const struct {
        const char *value;
        unsigned seen;
        uint32_t max_age, while_revalidate;
    } rows[] = {
        {"max-age=60", RHB_MAX_AGE, 60, 0},
        {"max-age=60;rhebok", RHB_MAX_AGE, 60, 0},
        {"max-age=60 ; Rhebok , no-store", RHB_MAX_AGE | RHB_NO_STORE, 60, 0},
        {"max-age=60;", RHB_MAX_AGE, 60, 0},
        {"max-age=60;other", 0, 0, 0},
        {"no-store;other, max-age=60", RHB_MAX_AGE, 60, 0},
        {"no-store=\"a;other\"", RHB_NO_STORE, 0, 0},
        {"content=\"ESI/1.0;x\", max-age=60", RHB_MAX_AGE, 60, 0},
        {"max-age=60+30", RHB_MAX_AGE | RHB_STALE_WHILE_REVALIDATE, 60, 30},
        {"max-age=60+30;rhebok", RHB_MAX_AGE | RHB_STALE_WHILE_REVALIDATE, 60, 30},
        {"max-age=60+", RHB_MAX_AGE, 60, 0},
        {"max-age=60+x", RHB_MAX_AGE, 60, 0},
        {"max-age=+30", RHB_MAX_AGE | RHB_STALE_WHILE_REVALIDATE, 0, 30},
        {"+, ;, =", 0, 0, 0},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].value);
        struct rhb_guard guard = rhb_guard_new(len + 1);
        struct rhb_directives got = {0};
        rhb_directives_read_surrogate(&got, rhb_guard_put(&guard, rows[i].value, len), len);
        bool right = CHECK_INT(got.seen, rows[i].seen);
        right = CHECK_INT(got.max_age, rows[i].max_age) && right;
        right = CHECK_INT(got.stale_while_revalidate, rows[i].while_revalidate) && right;
        if (!right)
            rhb_note(t, "%s", rows[i].value);
        rhb_guard_free(&guard);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(directives_are_read),
        RHB_CASE(those_of_requests_and_of_stale_responses_have_numbers),
        RHB_CASE(a_string_without_an_end_is_noticed),
        RHB_CASE(targeted_fields_are_dictionaries),
        RHB_CASE(those_of_surrogate_control_may_be_for_one_cache),
    };
    return RHB_RUN(cases);
}
