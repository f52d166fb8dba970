/* SipHash-1-3 (Aumasson, Bernstein 2012): a hash with a secret key, so that clients cannot choose
 * targets that collide. */
#ifndef RHB_CACHE_SIPHASH_H
#define RHB_CACHE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rhb_hash_key {
    uint64_t words[2];
};

struct rhb_siphash {
    uint64_t a, b, c, d;
};

static inline uint64_t rhb_rotated(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static inline void rhb_siphash_round(struct rhb_siphash *hash)
{
    hash->a += hash->b;
    hash->b = rhb_rotated(hash->b, 13) ^ hash->a;
    hash->a = rhb_rotated(hash->a, 32);
    hash->c += hash->d;
    hash->d = rhb_rotated(hash->d, 16) ^ hash->c;
    hash->a += hash->d;
    hash->d = rhb_rotated(hash->d, 21) ^ hash->a;
    hash->c += hash->b;
    hash->b = rhb_rotated(hash->b, 17) ^ hash->c;
    hash->c = rhb_rotated(hash->c, 32);
}

static inline void rhb_siphash_word(struct rhb_siphash *hash, uint64_t word)
{
    hash->d ^= word;
    rhb_siphash_round(hash);
    hash->a ^= word;
}

static inline uint64_t rhb_siphash(const struct rhb_hash_key *key, const void *data, size_t len)
{
    const char *at = data;
    uint64_t word, last = (uint64_t)len << 56;
    struct rhb_siphash hash = {
        key->words[0] ^ UINT64_C(0x736f6d6570736575), key->words[1] ^ UINT64_C(0x646f72616e646f6d),
        key->words[0] ^ UINT64_C(0x6c7967656e657261), key->words[1] ^ UINT64_C(0x7465646279746573)};
    for (; len >= 8; len -= 8, at += 8) {
        memcpy(&word, at, 8);
        rhb_siphash_word(&hash, word);
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)(unsigned char)at[i] << (8 * i);
    rhb_siphash_word(&hash, last);
    hash.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        rhb_siphash_round(&hash);
    return hash.a ^ hash.b ^ hash.c ^ hash.d;
}

#endif
