/* A number of requests that several threads count together. */
#ifndef RHB_REQUEST_COUNT_H
#define RHB_REQUEST_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t rhb_request_count;

/* Returns the number with this one. */
static inline uint64_t rhb_request_count_one_more(rhb_request_count *count)
{
    return atomic_fetch_add_explicit(count, 1, memory_order_relaxed) + 1;
}

#endif
