/* Clocks: a coarse monotonic one for deadlines, an exact one for durations, and the Date field,
 * which is rendered once a second. */
#ifndef RHB_CLOCK_H
#define RHB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define RHB_NS_PER_SECOND 1000000000ULL
#define RHB_NS_PER_MS 1000000ULL
#define RHB_DATE_LEN 29

struct rhb_clock {
    time_t second; /* of date */
    char date[RHB_DATE_LEN + 1];
};

/* CLOCK_MONOTONIC_COARSE in nanoseconds: cheap, and up to a few milliseconds late. */
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

/* The current time as IMF-fixdate (RFC 9110 section 5.6.7), RHB_DATE_LEN bytes and a NUL; valid
 * until the next call. */
const char *rhb_clock_date(struct rhb_clock *clock);

/* A time as IMF-fixdate, RHB_DATE_LEN bytes and a NUL. The year has four digits. */
void rhb_date_write(char *date, time_t second);

#endif
