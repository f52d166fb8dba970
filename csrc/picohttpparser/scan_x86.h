/* What the variants for x86 have in common, besides scan_window.h: the scanner for short words, in
 * windows of 32 bytes. The header of the instruction set is included before, and defines
 * phr_stops32. */
#ifndef RHB_PHR_SCAN_X86_H
#define RHB_PHR_SCAN_X86_H

#include "scan_window.h"

PHR_INLINE uint64_t phr_window32(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    if (PHR_LIKELY(p <= in->end - 32))
        return phr_stops32(p, wanted);
    return phr_last_window(in, (size_t)(in->end - p), wanted);
}

/* The first byte from p on that is not of the class, or the end. */
PHR_INLINE const char *phr_scan(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    uint64_t stops;

    while (PHR_UNLIKELY((stops = phr_window32(in, p, wanted)) == 0))
        p += 32;
    return p + __builtin_ctzll(stops);
}

#endif
