/* The scanner for text of the vector variants, which looks at windows of 32 and 64 bytes. The
 * header of the instruction set is included before, and defines phr_stops32 and phr_stops64.
 * Nothing is read beyond the end: the last window is loaded so that it ends there, and its mask is
 * shifted.
 */
#ifndef RHB_PHR_SCAN_WINDOW_H
#define RHB_PHR_SCAN_WINDOW_H

#include "char_class.h"
#include "input.h"

/* A mask has a bit for every byte that is not of the class, and for every byte from the end on. */
PHR_INLINE uint64_t phr_stop_from(uint64_t stops, size_t left)
{
    return stops | (~UINT64_C(0) << left);
}

/* The last window of an input: fewer than 32 bytes left. */
PHR_INLINE uint64_t phr_last_window(const struct phr_input *in, size_t left, enum phr_class wanted)
{
    uint64_t stops = phr_stops32(in->end - 32, wanted);

    return phr_stop_from(stops >> (32 - left), left);
}

/* The last window of 64: fewer left. */
PHR_INLINE uint64_t phr_last_windows(const struct phr_input *in, const char *p,
                                     enum phr_class wanted)
{
    size_t left = (size_t)(in->end - p);
    uint64_t high;

    if (left < 32)
        return phr_last_window(in, left, wanted);
    high = phr_stops32(in->end - 32, wanted);
    return phr_stop_from(phr_stops32(p, wanted) | high << (left - 32), left);
}

PHR_INLINE uint64_t phr_window64(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    if (PHR_UNLIKELY(in->end - p < 64))
        return phr_last_windows(in, p, wanted);
    return phr_stops64(p, wanted);
}

/* The first byte from p on that is not PHR_TEXT, or the end. The window is kept between calls: most
 * lines end in the window in which they begin, and finding a line end need not wait for the name
 * before it. p is never before the window.
 */
PHR_INLINE const char *phr_scan_text(struct phr_input *in, const char *p)
{
    size_t offset = (uintptr_t)p - (uintptr_t)in->window;

    if (PHR_LIKELY(offset < 64)) {
        uint64_t stops = in->stops >> offset;
        if (PHR_LIKELY(stops != 0))
            return p + __builtin_ctzll(stops);
        p = in->window + 64;
    }
    while ((in->stops = phr_window64(in, p, PHR_TEXT)) == 0)
        p += 64;
    in->window = p;
    return p + __builtin_ctzll(in->stops);
}

#endif
