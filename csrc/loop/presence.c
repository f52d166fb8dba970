#define _GNU_SOURCE
#include "presence.h"
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 200 }; /* the mover is usually done after one system call */

static long futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

void rhb_presence_await_mover(_Atomic uint32_t *presence)
{
    uint32_t now;
    for (int spins = 0;
         (now = atomic_load_explicit(presence, memory_order_acquire)) & RHB_MOVER_INSIDE; spins++)
        if (spins >= SPINS)
            futex(presence, FUTEX_WAIT_PRIVATE, now);
}

void rhb_presence_mover_leaves(_Atomic uint32_t *presence)
{
    uint32_t before =
        atomic_fetch_and_explicit(presence, ~(uint32_t)RHB_MOVER_INSIDE, memory_order_release);
    if (before != RHB_MOVER_INSIDE)
        futex(presence, FUTEX_WAKE_PRIVATE, INT_MAX);
}
