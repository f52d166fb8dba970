/* Counts of live objects, in debug builds only (RHEBOK_DEBUG=1 pip install). At the end of each
 * test every count must be zero. Other builds do not count. */
#ifndef RHB_LIVE_H
#define RHB_LIVE_H

enum rhb_live_kind {
    RHB_LIVE_CONNECTION,
    RHB_LIVE_INCOMING,
    RHB_LIVE_BODY,
    RHB_LIVE_EXCHANGE,
    RHB_LIVE_KINDS
};

#ifdef RHB_COUNT_LIVE
#include <stdatomic.h>
extern _Atomic long rhb_live_counts[RHB_LIVE_KINDS] __attribute__((visibility("default")));
#define RHB_LIVE_BORN(kind) atomic_fetch_add(&rhb_live_counts[kind], 1)
#define RHB_LIVE_DEAD(kind) atomic_fetch_sub(&rhb_live_counts[kind], 1)
#else
#define RHB_LIVE_BORN(kind) ((void)0)
#define RHB_LIVE_DEAD(kind) ((void)0)
#endif

/* The number of live objects of this kind; -1 in a build that does not count. */
long rhb_live_count(enum rhb_live_kind kind);

#endif
