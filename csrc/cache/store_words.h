/* For the files of the store: store.c, store_write.c and repair.c. */
#ifndef RHB_CACHE_STORE_WORDS_H
#define RHB_CACHE_STORE_WORDS_H

#include "store.h"

enum { RHB_STORE_WORDS = RHB_STORE_BLOCK / 8 };

/* The order that store.h explains. */
#define LOAD(word) atomic_load_explicit(&(word), memory_order_acquire)
#define STORE(word, value) atomic_store_explicit(&(word), (value), memory_order_release)

static inline _Atomic uint32_t *rhb_store_bucket(const struct rhb_store *store, uint64_t hash)
{
    return &store->buckets[hash & (store->n_buckets - 1)];
}

static inline _Atomic uint64_t *rhb_store_words(const struct rhb_store *store, uint32_t block)
{
    return store->blocks + (size_t)block * RHB_STORE_WORDS;
}

/* Whether the record that is read is still there. */
static inline bool rhb_store_is_same(const struct rhb_store *store,
                                     const struct rhb_store_reading *reading)
{
    return LOAD(store->entries[reading->entry].sequence) == reading->sequence;
}

#endif
