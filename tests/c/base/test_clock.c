/* csrc/base/clock.c: the Date field, compared with the C library, at times that the test sets. */
#include "base/clock.h"
#include "harness.h"
#include <sys/syscall.h>
#include <unistd.h>

/* This clock_gettime replaces that of the C library: the test sets the time. */
static time_t now;

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (id != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, out);
    *out = (struct timespec){.tv_sec = now};
    return 0;
}

static void check_date(struct rhb_test *t, struct rhb_clock *clock, time_t second)
{
    char expected[64];
    struct tm tm;
    now = second;
    gmtime_r(&second, &tm);
    strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    CHECK_STR(rhb_clock_date(clock), RHB_DATE_LEN, expected);
}

/* RFC 9110 section 5.6.7 has this one as its example. */
static void the_example_of_the_rfc_is_rendered(struct rhb_test *t)
{
    struct rhb_clock clock = {0};
    now = 784111777;
    CHECK_STR(rhb_clock_date(&clock), RHB_DATE_LEN, "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK_INT(strlen(clock.date), RHB_DATE_LEN);
}

static void dates_are_those_of_the_c_library(struct rhb_test *t)
{
    struct rhb_clock clock = {0};
    for (time_t second = 1; second < 7000000000; second += 86400 * 5 + 12345)
        check_date(t, &clock, second);
}

static void leap_days_and_ends_of_years_are_right(struct rhb_test *t)
{
    static const time_t seconds[] = {951782400,  951868799,  951868800, 1709164800,
                                     4107542400, 1735689599, 1735689600};
    struct rhb_clock clock = {0};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        check_date(t, &clock, seconds[i]);
}

static void within_a_second_the_date_is_not_rendered_again(struct rhb_test *t)
{
    struct rhb_clock clock = {0};
    check_date(t, &clock, 1000);
    clock.date[0] = '!';
    CHECK_INT(rhb_clock_date(&clock)[0], '!');
    check_date(t, &clock, 1001);
}

static void a_clock_that_is_set_back_changes_the_date(struct rhb_test *t)
{
    struct rhb_clock clock = {0};
    check_date(t, &clock, 2000000000);
    check_date(t, &clock, 1000000000);
}

static void the_monotonic_clocks_advance(struct rhb_test *t)
{
    uint64_t coarse = rhb_now_coarse(), exact = rhb_now_exact();
    CHECK(coarse <= exact);
    CHECK(rhb_now_coarse() >= coarse);
    CHECK(rhb_now_exact() >= exact);
    while (rhb_now_coarse() == coarse)
        ;
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_example_of_the_rfc_is_rendered),
        RHB_CASE(dates_are_those_of_the_c_library),
        RHB_CASE(leap_days_and_ends_of_years_are_right),
        RHB_CASE(within_a_second_the_date_is_not_rendered_again),
        RHB_CASE(a_clock_that_is_set_back_changes_the_date),
        RHB_CASE(the_monotonic_clocks_advance),
    };
    return RHB_RUN(cases);
}
