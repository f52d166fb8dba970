/* Work on eight bytes at a time in a 64-bit register: to compare names in any case, and to check
 * names and values, without SIMD and without reading beyond either end. The order of the bytes in
 * the word does not matter, so the byte order of the machine does not matter either. */
#ifndef RHB_BYTE_WORDS_H
#define RHB_BYTE_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RHB_WORD_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The eight bytes at `at`. */
static inline uint64_t rhb_word_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* A word for 1 to 7 bytes: it has each of them at least once, and no other byte. */
static inline uint64_t rhb_word_short(const char *at, size_t len)
{
    if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, at, sizeof(first));
        memcpy(&last, at + len - sizeof(last), sizeof(last));
        return first | (uint64_t)last << 32;
    }
    const unsigned char *byte = (const unsigned char *)at;
    return byte[0] * UINT64_C(0x0101010101010000) | (uint64_t)byte[len / 2] << 8 | byte[len - 1];
}

/* The top bit of every byte that is in lo..hi, both below 0x80; the other bits are zero. */
static inline uint64_t rhb_word_in_range(uint64_t word, unsigned lo, unsigned hi)
{
    uint64_t low_bits = word & RHB_WORD_OF(0x7f);
    uint64_t from_lo = low_bits + RHB_WORD_OF(0x80 - lo);
    uint64_t above_hi = low_bits + RHB_WORD_OF(0x7f - hi);
    return (from_lo ^ above_hi) & ~word & RHB_WORD_OF(0x80);
}

/* The word with A to Z changed into a to z; all other bytes are unchanged. */
static inline uint64_t rhb_word_lower(uint64_t word)
{
    return word | rhb_word_in_range(word, 'A', 'Z') >> 2;
}

#endif
