/* Vectors of 16 bytes, SSE4.2. */
#ifndef RHB_PHR_SCAN_SSE42_H
#define RHB_PHR_SCAN_SSE42_H

#include "char_class.h"
#include "input.h"
#include <nmmintrin.h>

PHR_INLINE __m128i phr_load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* The tables of scan_avx2.h. */
PHR_INLINE __m128i phr_not_token(__m128i v)
{
    const __m128i lower = _mm_setr_epi8((char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc,
                                        (char)0xfc, (char)0xfc, (char)0xfc, (char)0xf8, (char)0xf8,
                                        (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70);
    const __m128i upper = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)0x80, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i half = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0f));
    __m128i shared = _mm_and_si128(_mm_shuffle_epi8(lower, v), _mm_shuffle_epi8(upper, half));
    return _mm_cmpeq_epi8(shared, _mm_setzero_si128());
}

PHR_INLINE __m128i phr_up_to(__m128i v, char highest)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(highest)), v);
}

PHR_INLINE __m128i phr_equal(__m128i v, char byte)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(byte));
}

PHR_INLINE uint64_t phr_stops16(__m128i v, enum phr_class wanted)
{
    __m128i stops;

    if (wanted == PHR_TOKEN)
        stops = phr_not_token(v);
    else if (wanted == PHR_TARGET)
        stops = _mm_or_si128(phr_up_to(v, 0x20), phr_equal(v, 0x7f));
    else
        stops = _mm_or_si128(_mm_andnot_si128(phr_equal(v, '\t'), phr_up_to(v, 0x1f)),
                             phr_equal(v, 0x7f));
    return (uint32_t)_mm_movemask_epi8(stops);
}

/* One bit for each of the 32 bytes at p that is not of the class. */
PHR_INLINE uint64_t phr_stops32(const char *p, enum phr_class wanted)
{
    return phr_stops16(phr_load16(p), wanted) | phr_stops16(phr_load16(p + 16), wanted) << 16;
}

/* The same for the 64 bytes at p. */
PHR_INLINE uint64_t phr_stops64(const char *p, enum phr_class wanted)
{
    return phr_stops32(p, wanted) | phr_stops32(p + 32, wanted) << 32;
}

#endif
