/* Counts of durations, by logarithm. Between two powers of two of nanoseconds there are 16 buckets
 * of one width, so the middle of a bucket is at most 3 % away from any duration in it. The first
 * bucket has all that is shorter than 8.192 us, the last all from 1,100 s on. One thread writes;
 * other processes may read meanwhile, word by word. rhebok/board/histogram.py has the same. */
#ifndef RHB_HISTOGRAM_H
#define RHB_HISTOGRAM_H

#include <stdint.h>

enum {
    RHB_HISTOGRAM_LOW = 13,  /* log2 of the ns where the second bucket begins, */
    RHB_HISTOGRAM_HIGH = 40, /* and the last one */
    RHB_HISTOGRAM_FINE = 4,  /* log2 of the buckets between two powers of two */
    RHB_HISTOGRAM_BUCKETS = ((RHB_HISTOGRAM_HIGH - RHB_HISTOGRAM_LOW) << RHB_HISTOGRAM_FINE) + 2
};

struct rhb_histogram {
    uint64_t counts[RHB_HISTOGRAM_BUCKETS];
};

/* The bucket of a duration that is in neither the first one nor the last. */
static inline unsigned rhb_histogram_inner(uint64_t ns)
{
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    unsigned step = (unsigned)(ns >> (power - RHB_HISTOGRAM_FINE)); /* 16 to 31 */
    return (power << RHB_HISTOGRAM_FINE) + step + 1 -
           ((RHB_HISTOGRAM_LOW + 1) << RHB_HISTOGRAM_FINE);
}

static inline unsigned rhb_histogram_bucket(uint64_t ns)
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
