/* csrc/http/date.c: the three forms of a date (RFC 9110 section 5.6.7). */
#include "base/clock.h"
#include "harness.h"
#include "http/date.h"

#define NOW 1700000000 /* in 2023 */

static const struct {
    const char *text;
    long long seconds; /* -1: refused */
} dates[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Wed Nov 16 08:49:37 1994", 784975777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"Tuesday, 01-Jan-30 00:00:00 GMT", 1893456000},
    {"Tuesday, 01-Jan-80 00:00:00 GMT", 315532800},
    /* refused */
    {"", -1},
    {"Sun, 06 Nov 1994 08:49:37", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
    {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
    {"sun, 06 nov 1994 08:49:37 gmt", -1},
    {"Sun, 30 Feb 1994 08:49:37 GMT", -1},
    {"Wed, 29 Feb 2023 08:49:37 GMT", -1},
    {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 0000 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
    {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
    {"Sun, 06 Nov 1994 8:49:37 GMT", -1},
    {"Sun Nov 6 08:49:37 1994", -1},
    {"784111777", -1},
    {"\"abc\"", -1},
};

static void each_form_is_read_and_nothing_else(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(64);
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        size_t len = strlen(dates[i].text);
        const char *text = rhb_guard_put(&guard, dates[i].text, len);
        time_t seconds = 0;
        bool read = rhb_date_read(text, len, NOW, &seconds);
        if (!CHECK_INT(read, dates[i].seconds >= 0) ||
            (read && !CHECK_INT(seconds, dates[i].seconds)))
            rhb_note(t, "%s", dates[i].text);
    }
    rhb_guard_free(&guard);
}

static void the_case_counts_unless_it_is_to_be_any(struct rhb_test *t)
{
    static const char *const texts[] = {"SUN, 06 nov 1994 08:49:37 gMT",
                                        "sunday, 06-NOV-94 08:49:37 Gmt",
                                        "SUN nov  6 08:49:37 1994"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        time_t seconds = 0;
        size_t len = strlen(texts[i]);
        CHECK(!rhb_date_read(texts[i], len, NOW, &seconds));
        CHECK(rhb_date_read_any_case(texts[i], len, NOW, &seconds));
        CHECK_INT(seconds, 784111777);
        CHECK(!rhb_date_read_any_case(texts[i], len - 1, NOW, &seconds));
    }
}

static void what_is_written_is_read_again(struct rhb_test *t)
{
    uint64_t seed = 19;
    char text[RHB_DATE_LEN + 1];
    for (int i = 0; i < 5000; i++) {
        time_t second = (time_t)(rhb_random(&seed) % 253402300800), again = -1;
        rhb_date_write(text, second);
        CHECK(rhb_date_read(text, RHB_DATE_LEN, NOW, &again));
        CHECK_INT(again, second);
    }
}

static void no_part_of_a_date_is_read_too_far(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(64);
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        size_t len = strlen(dates[i].text);
        for (size_t part = 0; part < len; part++) {
            time_t seconds;
            const char *text = rhb_guard_put(&guard, dates[i].text, part);
            bool whole = part == 29 && dates[i].text[29] == ' '; /* with a space behind it */
            CHECK_INT(rhb_date_read(text, part, NOW, &seconds), whole);
        }
    }
    rhb_guard_free(&guard);
}

static const struct rhb_case cases[] = {
    RHB_CASE(each_form_is_read_and_nothing_else),
    RHB_CASE(the_case_counts_unless_it_is_to_be_any),
    RHB_CASE(what_is_written_is_read_again),
    RHB_CASE(no_part_of_a_date_is_read_too_far),
};

int main(void)
{
    return RHB_RUN(cases);
}
