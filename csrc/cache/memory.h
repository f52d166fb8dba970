/* The one piece of memory that all workers of a generation share for their cache: which answers are
 * being made, what was purged, and the store. Made by the master before it forks. */
#ifndef RHB_CACHE_MEMORY_H
#define RHB_CACHE_MEMORY_H

#include "fills.h"
#include "store.h"
#include <assert.h>

enum {
    RHB_CHANGES = 1024, /* counters, by the hash of what was changed */
    RHB_PURGES = 32,    /* that wait to be carried out */
    RHB_PURGE_TEXT = 2024
};

enum rhb_purge_kind { RHB_PURGE_URL = 1, RHB_PURGE_PREFIX, RHB_PURGE_TAG, RHB_PURGE_ALL };

struct rhb_purge {
    uint32_t kind;
    uint32_t len;
    uint64_t reserved;
    char text[RHB_PURGE_TEXT];
    uint64_t number; /* which one it is, from 1 on; written last */
};

/* Who purges writes the next purge to its place, and then counts in `asked`: the supervisor, by
 * pwrite(2). Whoever looks something up carries out first what has not been. It stands on the board
 * (rhebok/board/layout.py). */
struct rhb_purge_desk {
    _Atomic uint64_t asked;
    _Atomic uint64_t done;
    _Atomic uint64_t removed; /* records */
    _Atomic uint64_t bytes;   /* in the store, at its last change; for operators */
    _Atomic uint64_t records; /* likewise */
    uint64_t reserved[3];
    struct rhb_purge purges[RHB_PURGES]; /* number n at n % RHB_PURGES */
};

static_assert(sizeof(struct rhb_purge) == 2048, "as in rhebok/board/layout.py");
static_assert(offsetof(struct rhb_purge_desk, purges) == 64, "likewise");

struct rhb_cache_memory {
    _Atomic uint64_t changed;   /* all changes, but for those that operators have asked for */
    _Atomic uint64_t owes_all;  /* unsafe requests that could not take out what they change */
    struct rhb_purge_desk desk; /* used where there is no board */
    /* What was known when the application was asked is old when its answer comes, if one of these
     * has changed meanwhile: then the answer is not stored. */
    _Atomic uint32_t changes[RHB_CHANGES];
    struct rhb_fills fills;
};

/* Where the store begins. */
static inline size_t rhb_cache_store_at(void)
{
    return (sizeof(struct rhb_cache_memory) + 4095) / 4096 * 4096;
}

/* A writer has done nothing with the lock for too long to be waited for: all is to be taken out
 * before anything is answered (purging.c). */
static inline bool rhb_cache_owes_all(struct rhb_cache_memory *memory)
{
    return atomic_load(&memory->owes_all) != 0;
}

static inline _Atomic uint32_t *rhb_cache_changes(struct rhb_cache_memory *memory, uint64_t hash)
{
    return &memory->changes[hash % RHB_CHANGES];
}

/* A worker with the loop of this owner has ended: gives back what it has claimed. Returns the loops
 * to wake, as bits. */
static inline uint64_t rhb_cache_end_owner(void *memory, size_t owner)
{
    return rhb_fills_end_owner(&((struct rhb_cache_memory *)memory)->fills, owner);
}

/* Makes a cache of these zeroed bytes, which begin at a page. False when they are too few. */
static inline bool rhb_cache_make(void *memory, size_t size, const struct rhb_hash_key *key)
{
    size_t at = rhb_cache_store_at();
    return size > at && rhb_store_make((char *)memory + at, size - at, key);
}

#endif
