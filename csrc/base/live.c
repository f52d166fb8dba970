#include "live.h"

#ifdef RHB_COUNT_LIVE
_Atomic long rhb_live_counts[RHB_LIVE_KINDS];
/* Each module has a copy of csrc, and what is made in one may be freed in another. Of a symbol of
 * this type there is only one in a process, even among modules that see nothing of each other.
 * clang's assembler takes no such line. */
#ifndef __clang__
__asm__(".type rhb_live_counts, %gnu_unique_object");
#endif

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
