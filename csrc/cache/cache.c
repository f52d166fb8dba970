#include "cache.h"
#include "base/byte_words.h"
#include <stdlib.h>
#include <unistd.h>

struct rhb_cache *rhb_cache_open(void *memory, size_t size)
{
    struct rhb_cache *cache = calloc(1, sizeof *cache);
    size_t at = rhb_cache_store_at();
    if (cache == NULL)
        return NULL;
    cache->memory = memory;
    cache->desk = &cache->memory->desk;
    if (size <= at || !rhb_store_open(&cache->store, (char *)memory + at, size - at)) {
        free(cache);
        return NULL;
    }
    cache->secret = cache->store.head->key.words[0] | 1;
    return cache;
}

void rhb_cache_free(struct rhb_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->spare != NULL)
        rhb_bytes_free(&cache->spare->bytes);
    free(cache->spare);
    rhb_bytes_free(&cache->key);
    rhb_bytes_free(&cache->scratch);
    free(cache);
}

bool rhb_cache_lock(struct rhb_cache *cache, unsigned patience_ms)
{
    bool locked = rhb_store_lock(&cache->store, atomic_load(&cache->blocked) ? 0 : patience_ms);
    atomic_store(&cache->blocked, !locked);
    return locked;
}

void rhb_cache_wake(const struct rhb_cache *cache, uint64_t loops)
{
    const uint64_t one = 1;
    for (size_t i = 0; loops != 0 && i < cache->n_wake; i++)
        if (loops >> i % 64 & 1)
            (void)!write(cache->wake[i], &one, sizeof one);
}

/* A word that the next one is mixed into: a multiplication of 64 by 64 bits, folded. */
static inline uint64_t mixed(uint64_t word, uint64_t with)
{
    unsigned __int128 product = (unsigned __int128)word * with;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t mix_text(uint64_t tag, uint64_t secret, const char *text, size_t len)
{
    for (; len >= 8; text += 8, len -= 8)
        tag = mixed(tag ^ rhb_word_load(text), secret);
    return len > 0 ? mixed(tag ^ rhb_word_short(text, len) ^ (uint64_t)len << 56, secret) : tag;
}

uint64_t rhb_cache_tag(const struct rhb_cache *cache, const struct rhb_request *request)
{
    uint64_t secret = cache->secret;
    uint64_t tag = mix_text(~secret, secret, request->head.target, request->head.target_len);
    if (request->framing.host_len > 0)
        tag = mix_text(tag, secret, request->framing.host, request->framing.host_len);
    return tag;
}
