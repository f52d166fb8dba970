/* Counts of durations, by logarithm. Between two powers of two of nanoseconds there are 16 buckets
 * of one width, so the middle of a bucket is at most 3 % away from any duration in it. The first
 * bucket has all that is shorter than 8.192 us, the last all from 1,100 s on. One thread writes;
 * other processes may read meanwhile, word by word. rhebok/board/histogram.py has the same. */
#ifndef RHB_HISTOGRAM_H
#define RHB_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

enum {
    RHB_HISTOGRAM_LOW = 13,  /* log2 of the ns where the second bucket begins, */
    RHB_HISTOGRAM_HIGH = 40, /* and the last one */
    RHB_HISTOGRAM_FINE = 4,  /* log2 of the buckets between two powers of two */
    RHB_HISTOGRAM_BUCKETS = ((RHB_HISTOGRAM_HIGH - RHB_HISTOGRAM_LOW) << RHB_HISTOGRAM_FINE) + 2
};

struct rhb_histogram {
    uint64_t counts[RHB_HISTOGRAM_BUCKETS];
};

/* The bucket of a duration that is in neither the first one nor the last. As a double, which is
 * exact here, it has the power of two and the bits behind it side by side: above the sign nothing,
 * below it 11 bits of the exponent, then 52 of the fraction. */
static inline uint64_t rhb_histogram_inner(uint64_t ns)
{
    const uint64_t first = (uint64_t)(1023 + RHB_HISTOGRAM_LOW) << RHB_HISTOGRAM_FINE;
    double exact = (double)(int64_t)ns;
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    return (bits >> (52 - RHB_HISTOGRAM_FINE)) - first + 1;
}

static inline uint64_t rhb_histogram_bucket(uint64_t ns)
{
    if (ns < UINT64_C(1) << RHB_HISTOGRAM_LOW)
        return 0;
    if (ns >= UINT64_C(1) << RHB_HISTOGRAM_HIGH)
        return RHB_HISTOGRAM_BUCKETS - 1;
    return rhb_histogram_inner(ns);
}

static inline void rhb_histogram_add(struct rhb_histogram *histogram, uint64_t ns)
{
    histogram->counts[rhb_histogram_bucket(ns)]++;
}

#endif
