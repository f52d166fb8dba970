/* Vectors of 16 bytes, NEON. It has no instruction that makes a bit of every byte. So there are two
 * kinds of masks: four bits for a byte, which one narrowing shift makes, and one bit for a byte,
 * which pairwise additions make. The first is cheap for a few bytes, the second for many. */
#ifndef RHB_PHR_SCAN_NEON_H
#define RHB_PHR_SCAN_NEON_H

#include "char_class.h"
#include "input.h"
#include <arm_neon.h>

typedef uint8x16_t phr_vector;

PHR_INLINE phr_vector phr_load16(const char *p)
{
    return vld1q_u8((const uint8_t *)(const void *)p);
}

/* A byte is tchar if the table entry of its lower half has the bit of its upper half. Bytes from
 * 0x80 up have none: a bit that is shifted by eight or more is gone. */
PHR_INLINE phr_vector phr_not_token(phr_vector v)
{
    const phr_vector rows = {0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,
                             0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70};
    phr_vector row = vqtbl1q_u8(rows, vandq_u8(v, vdupq_n_u8(0x0f)));
    phr_vector bit = vshlq_u8(vdupq_n_u8(1), vreinterpretq_s8_u8(vshrq_n_u8(v, 4)));

    return vceqzq_u8(vandq_u8(row, bit));
}

/* Controls, but not HTAB. A lookup gives 0 for what is behind the table. */
PHR_INLINE phr_vector phr_control(phr_vector v)
{
    const uint8x16x2_t controls = {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff},
                                    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};

    return vqtbl2q_u8(controls, v);
}

/* All bits of each byte that is not of the class. */
PHR_INLINE phr_vector phr_stops(phr_vector v, enum phr_class wanted)
{
    const phr_vector del = vceqq_u8(v, vdupq_n_u8(0x7f));

    if (wanted == PHR_TOKEN)
        return phr_not_token(v);
    if (wanted == PHR_TARGET)
        return vorrq_u8(vcleq_u8(v, vdupq_n_u8(0x20)), del);
    return vorrq_u8(phr_control(v), del);
}

/* The same, one bit of each byte: another one for each of eight neighbours. */
PHR_INLINE phr_vector phr_stop_bits(const char *p, enum phr_class wanted)
{
    const phr_vector own = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};

    return vandq_u8(phr_stops(phr_load16(p), wanted), own);
}

/* The sums of neighbours, first those of a. Of stop bits that is their or, for no two of eight are
 * the same. */
PHR_INLINE phr_vector phr_pairs(phr_vector a, phr_vector b)
{
    return vpaddq_u8(a, b);
}

PHR_INLINE uint64_t phr_lower_half(phr_vector v)
{
    return vgetq_lane_u64(vreinterpretq_u64_u8(v), 0);
}

/* One bit for each of the 32 bytes at p that is not of the class. */
PHR_INLINE uint64_t phr_stops32(const char *p, enum phr_class wanted)
{
    phr_vector pairs = phr_pairs(phr_stop_bits(p, wanted), phr_stop_bits(p + 16, wanted));
    phr_vector fours = phr_pairs(pairs, pairs);

    return (uint32_t)phr_lower_half(phr_pairs(fours, fours));
}

/* The same for the 64 bytes at p. */
PHR_INLINE uint64_t phr_stops64(const char *p, enum phr_class wanted)
{
    phr_vector low = phr_pairs(phr_stop_bits(p, wanted), phr_stop_bits(p + 16, wanted));
    phr_vector high = phr_pairs(phr_stop_bits(p + 32, wanted), phr_stop_bits(p + 48, wanted));
    phr_vector fours = phr_pairs(low, high);

    return phr_lower_half(phr_pairs(fours, fours));
}

/* ---- few bytes: four bits for each ---- */

PHR_INLINE uint64_t phr_stops16(const char *p, enum phr_class wanted)
{
    uint16x8_t stops = vreinterpretq_u16_u8(phr_stops(phr_load16(p), wanted));

    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(stops, 4)), 0);
}

/* The last window of an input: fewer than 16 bytes left. All bytes from the end on are stops. */
PHR_INLINE uint64_t phr_last_window16(const struct phr_input *in, size_t left,
                                      enum phr_class wanted)
{
    uint64_t stops = phr_stops16(in->end - 16, wanted);

    if (left == 0)
        return ~UINT64_C(0);
    return stops >> (64 - 4 * left) | ~UINT64_C(0) << 4 * left;
}

PHR_INLINE uint64_t phr_window16(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    if (PHR_LIKELY(p <= in->end - 16))
        return phr_stops16(p, wanted);
    return phr_last_window16(in, (size_t)(in->end - p), wanted);
}

/* The first byte from p on that is not of the class, or the end. */
PHR_INLINE const char *phr_scan(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    uint64_t stops;

    while (PHR_UNLIKELY((stops = phr_window16(in, p, wanted)) == 0))
        p += 16;
    return p + __builtin_ctzll(stops) / 4;
}

#endif
