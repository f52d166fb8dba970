/* The one piece of memory that all workers of a generation share for their cache: which answers are
 * being made, what was changed and purged, and the store. Made by the master before it forks. */
#ifndef RHB_CACHE_MEMORY_H
#define RHB_CACHE_MEMORY_H

#include "fills.h"
#include "store.h"
#include <assert.h>

enum {
    RHB_CHANGES = 4096, /* the last ones, of which it is known what they have changed */
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
 * pwrite(2). From then on what it means is not answered any more (rhb_cache_is_out); it is taken
 * out bit by bit (rhb_cache_sweep). It stands on the board (rhebok/board/layout.py). */
struct rhb_purge_desk {
    _Atomic uint64_t asked;
    _Atomic uint64_t done;    /* carried out: no record is left of what was purged so far */
    _Atomic uint64_t removed; /* records */
    _Atomic uint64_t bytes;   /* in the store, at its last change; for operators */
    _Atomic uint64_t records; /* likewise */
    uint64_t size;            /* bytes that the cache may take; 0 when there is none */
    uint64_t reserved[2];
    struct rhb_purge purges[RHB_PURGES]; /* number n at n % RHB_PURGES */
};

static_assert(sizeof(struct rhb_purge) == 2048, "as in rhebok/board/layout.py");
static_assert(offsetof(struct rhb_purge_desk, size) == 40, "likewise");
static_assert(offsetof(struct rhb_purge_desk, purges) == 64, "likewise");

/* How far the records have been looked at, to take out what is purged. Under the lock of the store.
 */
struct rhb_sweep {
    uint64_t target; /* the last purge of those that are being carried out */
    uint32_t at;     /* the entry that comes next */
};

struct rhb_cache_memory {
    /* Unsafe requests that have changed something, and what: number n at n % RHB_CHANGES, as the
     * high bits of the hash of its URI and the low 16 bits of n. */
    _Atomic uint64_t changed;
    _Atomic uint64_t changes[RHB_CHANGES];
    /* What was stored in an earlier era is not answered any more. One ends when an unsafe request
     * cannot take out what it changes, since a writer does nothing with the lock. */
    _Atomic uint64_t era;
    struct rhb_sweep sweep;
    struct rhb_purge_desk desk; /* used where there is no board */
    struct rhb_fills fills;
};

/* Where the store begins. */
static inline size_t rhb_cache_store_at(void)
{
    return (sizeof(struct rhb_cache_memory) + 4095) / 4096 * 4096;
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
