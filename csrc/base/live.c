#include "live.h"

#ifdef RHB_COUNT_LIVE
_Atomic long rhb_live_counts[RHB_LIVE_KINDS];

long rhb_live_count(enum rhb_live_kind kind)
{
    return atomic_load(&rhb_live_counts[kind]);
}
#else
long rhb_live_count(enum rhb_live_kind kind)
{
    (void)kind;
    return -1;
}
#endif
