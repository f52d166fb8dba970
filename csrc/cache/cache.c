#include "cache.h"
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
    cache->tags = rhb_tag_key(&cache->store.head->key);
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
