/* Who is in the loop: the threads of the worker, or its mover (mover.h). A thread leaves before it
 * calls the application, and enters before it touches the loop again. Only while no thread is
 * inside, the mover may be. Entering costs an atomic addition; it waits only while the mover is in
 * the loop, for some microseconds. */
#ifndef RHB_PRESENCE_H
#define RHB_PRESENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RHB_MOVER_INSIDE = 1 << 30 }; /* or-ed with the number of threads inside */

/* Waits until the mover has left. */
void rhb_presence_await_mover(_Atomic uint32_t *presence);

/* The mover leaves, and lets in the threads that wait. */
void rhb_presence_mover_leaves(_Atomic uint32_t *presence);

static inline void rhb_presence_enter(_Atomic uint32_t *presence)
{
    uint32_t before = atomic_fetch_add_explicit(presence, 1, memory_order_acquire);
    if (before & RHB_MOVER_INSIDE)
        rhb_presence_await_mover(presence);
}

static inline void rhb_presence_leave(_Atomic uint32_t *presence)
{
    atomic_fetch_sub_explicit(presence, 1, memory_order_release);
}

/* False while a thread is inside. */
static inline bool rhb_presence_mover_enters(_Atomic uint32_t *presence)
{
    uint32_t nobody = 0;
    return atomic_compare_exchange_strong_explicit(presence, &nobody, RHB_MOVER_INSIDE,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Whether a thread waits for the mover to leave. */
static inline bool rhb_presence_is_wanted(_Atomic uint32_t *presence)
{
    return atomic_load_explicit(presence, memory_order_relaxed) != RHB_MOVER_INSIDE;
}

#endif
