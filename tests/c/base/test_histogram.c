/* csrc/base/histogram.h: which bucket a duration is in. rhebok/board/histogram.py has the same. */
#include "base/histogram.h"
#include "harness.h"

static uint64_t power(int exponent)
{
    return UINT64_C(1) << exponent;
}

static void the_first_bucket_ends_at_8192_ns(struct rhb_test *t)
{
    CHECK_INT(rhb_histogram_bucket(0), 0);
    CHECK_INT(rhb_histogram_bucket(8191), 0);
    CHECK_INT(rhb_histogram_bucket(8192), 1);
}

static void between_two_powers_there_are_16_buckets(struct rhb_test *t)
{
    CHECK_INT(rhb_histogram_bucket(8192 + 511), 1);
    CHECK_INT(rhb_histogram_bucket(8192 + 512), 2);
    CHECK_INT(rhb_histogram_bucket(power(14) - 1), 16);
    CHECK_INT(rhb_histogram_bucket(power(14)), 17);
    CHECK_INT(rhb_histogram_bucket(power(30)), 1 + 16 * 17);
}

static void the_last_bucket_has_all_that_is_longer(struct rhb_test *t)
{
    CHECK_INT(rhb_histogram_bucket(power(40) - 1), RHB_HISTOGRAM_BUCKETS - 2);
    CHECK_INT(rhb_histogram_bucket(power(40)), RHB_HISTOGRAM_BUCKETS - 1);
    CHECK_INT(rhb_histogram_bucket(UINT64_MAX), RHB_HISTOGRAM_BUCKETS - 1);
}

static void buckets_follow_one_another(struct rhb_test *t)
{
    unsigned before = 0;
    for (uint64_t ns = 8000; ns < power(41); ns += ns / 64) {
        unsigned bucket = rhb_histogram_bucket(ns);
        if (!CHECK(bucket == before || bucket == before + 1))
            return;
        before = bucket;
    }
    CHECK_INT(before, RHB_HISTOGRAM_BUCKETS - 1);
}

static void adding_counts(struct rhb_test *t)
{
    static struct rhb_histogram histogram;
    rhb_histogram_add(&histogram, 100);
    rhb_histogram_add(&histogram, 8192);
    rhb_histogram_add(&histogram, 8200);
    CHECK_INT(histogram.counts[0], 1);
    CHECK_INT(histogram.counts[1], 2);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_first_bucket_ends_at_8192_ns),
        RHB_CASE(between_two_powers_there_are_16_buckets),
        RHB_CASE(the_last_bucket_has_all_that_is_longer),
        RHB_CASE(buckets_follow_one_another),
        RHB_CASE(adding_counts),
    };
    return RHB_RUN(cases);
}
