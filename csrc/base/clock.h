/* Time as the loop needs it: a coarse monotonic clock for deadlines, and the Date field, rendered
 * once a second. */
#ifndef RHB_CLOCK_H
#define RHB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define RHB_NS_PER_SECOND 1000000000ULL
#define RHB_NS_PER_MS 1000000ULL
#define RHB_DATE_LEN 29

struct rhb_clock {
    time_t second; /* that date renders */
    char date[RHB_DATE_LEN + 1];
};

/* CLOCK_MONOTONIC_COARSE in nanoseconds: a few milliseconds off, but costs next to nothing. */
static inline uint64_t rhb_now_coarse(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * RHB_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t rhb_now_exact(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * RHB_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* The current IMF-fixdate (RFC 9110 section 5.6.7), RHB_DATE_LEN bytes; valid until the next call.
 */
const char *rhb_clock_date(struct rhb_clock *clock);

#endif
