/* Vectors of 32 bytes, AVX2. */
#ifndef RHB_PHR_SCAN_AVX2_H
#define RHB_PHR_SCAN_AVX2_H

#include "char_class.h"
#include "input.h"
#include <immintrin.h>

typedef __m256i phr_vector;

PHR_INLINE phr_vector phr_load32(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* A byte is tchar if the table entries of its two halves have a bit in common; there is one bit for
 * each upper half from 2 to 7. The shuffle gives 0 for bytes from 0x80 up. */
PHR_INLINE phr_vector phr_not_token(phr_vector v)
{
    const phr_vector lower = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        (char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,
        (char)0xfc, (char)0xf8, (char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70));
    const phr_vector upper = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)0x80, 0, 0, 0, 0, 0, 0, 0, 0));
    phr_vector half = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0f));
    phr_vector shared =
        _mm256_and_si256(_mm256_shuffle_epi8(lower, v), _mm256_shuffle_epi8(upper, half));
    return _mm256_cmpeq_epi8(shared, _mm256_setzero_si256());
}

PHR_INLINE phr_vector phr_up_to(phr_vector v, char highest)
{
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(highest)), v);
}

PHR_INLINE phr_vector phr_equal(phr_vector v, char byte)
{
    return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte));
}

/* One bit for each of the 32 bytes at p that is not of the class. */
PHR_INLINE uint64_t phr_stops32(const char *p, enum phr_class wanted)
{
    const phr_vector v = phr_load32(p);
    phr_vector stops;

    if (wanted == PHR_TOKEN)
        stops = phr_not_token(v);
    else if (wanted == PHR_TARGET)
        stops = _mm256_or_si256(phr_up_to(v, 0x20), phr_equal(v, 0x7f));
    else
        stops = _mm256_or_si256(_mm256_andnot_si256(phr_equal(v, '\t'), phr_up_to(v, 0x1f)),
                                phr_equal(v, 0x7f));
    return (uint32_t)_mm256_movemask_epi8(stops);
}

/* The same for the 64 bytes at p. */
PHR_INLINE uint64_t phr_stops64(const char *p, enum phr_class wanted)
{
    return phr_stops32(p, wanted) | phr_stops32(p + 32, wanted) << 32;
}

#endif
