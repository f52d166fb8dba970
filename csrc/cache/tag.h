/* A short name of a request's target and host, made quickly for each request. Who does not know the
 * key cannot make two that are the same. */
#ifndef RHB_CACHE_TAG_H
#define RHB_CACHE_TAG_H

#include "base/byte_words.h"
#include "http/request.h"
#include "siphash.h"

struct rhb_tag_key {
    uint64_t words[2];
};

static inline struct rhb_tag_key rhb_tag_key(const struct rhb_hash_key *key)
{
    return (struct rhb_tag_key){{key->words[0] | 1, key->words[1] | 1}};
}

/* A multiplication of 64 by 64 bits, folded. */
static inline uint64_t rhb_tag_mixed(uint64_t word, uint64_t with)
{
    unsigned __int128 product = (unsigned __int128)word * with;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The last len bytes of a word, 0 to 7. */
static inline uint64_t rhb_tag_last(uint64_t word, size_t len)
{
    if (len == 0)
        return 0;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word >> (64 - 8 * len)
                                                     : word << (64 - 8 * len);
}

/* Of a host that is not of the usual length. There is more of the head before it. The other word of
 * the key: bytes that go from one to the other make a difference. */
static inline uint64_t rhb_tag_of_host(const struct rhb_tag_key *key, uint64_t tag, const char *at,
                                       size_t len)
{
    tag ^= len;
    for (; len >= 8; at += 8, len -= 8)
        tag = rhb_tag_mixed(tag ^ rhb_word_load(at), key->words[0]);
    uint64_t last = len > 0 ? rhb_word_load(at + len - 8) : 0;
    return rhb_tag_mixed(tag ^ rhb_tag_last(last, len), key->words[0]);
}

/* Target and host stand in the head that was read. The space and the version behind the target are
 * read as if they were of it. */
static inline uint64_t rhb_tag_of(const struct rhb_tag_key *key, const struct rhb_request *request)
{
    const char *at = request->head.target, *host = request->framing.host;
    size_t len = request->head.target_len, host_len = request->framing.host_len;
    uint64_t tag = key->words[0];
    for (; __builtin_expect(len > 8, 0); at += 8, len -= 8)
        tag = rhb_tag_mixed(tag ^ rhb_word_load(at), key->words[1]);
    tag ^= rhb_word_load(at);
    if (__builtin_expect(host_len - 8 > 8, 0))
        return rhb_tag_of_host(key, rhb_tag_mixed(tag, key->words[1]), host, host_len);
    tag = rhb_tag_mixed(tag, rhb_word_load(host) ^ key->words[1]);
    return rhb_tag_mixed(tag ^ rhb_word_load(host + host_len - 8) ^ host_len, key->words[1]);
}

#endif
