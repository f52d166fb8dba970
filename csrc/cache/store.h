/* Records in memory that processes share: found by a hash, read without a lock, written under one,
 * thrown out when there is no space. What a record is, store.c does not know.
 *
 * The memory has a head, a table of buckets, a table of entries, and blocks of RHB_STORE_BLOCK
 * bytes; a record is a chain of blocks. An entry has a sequence number. It is odd while the entry
 * changes, and a change adds two. A reader notes the number, copies, and looks at the number again:
 * if it is still the same, and even, the copy is what was written. So a reader never waits, and
 * never sees half of a record. All words that readers and writers share are atomic; readers load
 * them with acquire, and writers store them with release, so that a reader that has seen a word of
 * the next record sees the odd number too. The bytes of blocks are copied by memcpy with a fence
 * behind it, which does the same; ThreadSanitizer, which knows no fences, gets them word by word.
 *
 * Writers hold a robust mutex. When one is killed with it, the next one finds out and repairs
 * (repair.c): the entries whose numbers are even are whole, and everything else is made from them.
 * A reader that passes meanwhile may miss a record, and never gets a wrong one. */
#ifndef RHB_CACHE_STORE_H
#define RHB_CACHE_STORE_H

#include "siphash.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    RHB_STORE_BLOCK = 1024, /* bytes */
    RHB_STORE_LEAST = 256 * 1024,
    RHB_STORE_SAME = 64 /* entries of a bucket that are looked at without the lock */
};

/* Stands for no entry and no block. */
#define RHB_STORE_NONE UINT32_MAX

struct rhb_store_entry {
    _Atomic uint32_t sequence;
    _Atomic uint32_t next;  /* with the same bucket, or in the list of free ones */
    _Atomic uint32_t first; /* block */
    _Atomic uint32_t used;  /* since the hand passed */
    _Atomic uint64_t hash;
    _Atomic uint64_t len; /* of the record; 0: the entry is free */
};

/* The counters are for operators; they are written under the lock. */
struct rhb_store_head {
    uint64_t magic;
    uint64_t size; /* of all memory */
    uint32_t n_blocks;
    struct rhb_hash_key key;
    pthread_mutex_t lock;
    uint32_t free_entry, free_block, n_free_blocks, hand;
    _Atomic uint64_t bytes;     /* of all records */
    _Atomic uint64_t records;   /* that are there */
    _Atomic uint64_t evictions; /* so far, for lack of space */
    _Atomic uint64_t repairs;
};

/* Where the parts are, in this process. */
struct rhb_store {
    struct rhb_store_head *head;
    _Atomic uint32_t *buckets;
    struct rhb_store_entry *entries;
    _Atomic uint32_t *next_blocks; /* of each block, the one behind it in its chain */
    _Atomic uint64_t *blocks;
    uint32_t n_entries, n_buckets, n_blocks; /* never read from shared memory again */
};

/* Makes an empty store of these zeroed bytes, which begin at a page. False when there are less than
 * RHB_STORE_LEAST or no mutex can be made. Before the processes fork. */
bool rhb_store_make(void *memory, size_t size, const struct rhb_hash_key *key);

/* A store that was made in this memory. False when it was not. */
bool rhb_store_open(struct rhb_store *store, void *memory, size_t size);

/* ---- reading ---- */

/* One record that is being read. */
struct rhb_store_reading {
    uint32_t entry, sequence;
    uint32_t left;  /* entries of its bucket that may still be looked at */
    uint64_t len;   /* of the record */
    uint32_t block; /* where `at` is */
    uint64_t at;    /* bytes of the record before this have been read */
};

/* To start, before rhb_store_next. Without the lock a bucket may change while it is walked, so the
 * walk has a bound. */
static inline void rhb_store_begin(struct rhb_store_reading *reading)
{
    *reading = (struct rhb_store_reading){.entry = RHB_STORE_NONE, .left = RHB_STORE_SAME};
}

/* The same under the lock: no record is missed, however many a bucket has. */
static inline void rhb_store_begin_locked(const struct rhb_store *store,
                                          struct rhb_store_reading *reading)
{
    *reading = (struct rhb_store_reading){.entry = RHB_STORE_NONE, .left = store->n_entries};
}

/* Goes on to the next record with this hash, newest first; false when there is no other. */
bool rhb_store_next(const struct rhb_store *store, uint64_t hash,
                    struct rhb_store_reading *reading);

/* Copies the next len bytes of the record. False when there are less, or when the record is not
 * there any more: then nothing that was copied is to be used. */
bool rhb_store_read(const struct rhb_store *store, struct rhb_store_reading *reading, void *to,
                    uint64_t len);

/* It was of use, and is to be kept. */
void rhb_store_touch(const struct rhb_store *store, const struct rhb_store_reading *reading);

/* Whether it was, since the hand last passed. */
static inline bool rhb_store_was_used(const struct rhb_store *store,
                                      const struct rhb_store_reading *reading)
{
    return atomic_load_explicit(&store->entries[reading->entry].used, memory_order_relaxed) != 0;
}

/* ---- writing, under the lock: store_write.c ---- */

/* False when it cannot be had for so many milliseconds; the caller does without then. */
bool rhb_store_lock(struct rhb_store *store, unsigned patience_ms);
void rhb_store_unlock(struct rhb_store *store);

/* The parts of a record. */
struct rhb_store_part {
    const void *data;
    uint64_t len;
};

/* Bytes of the largest record that is taken: a quarter of the store. */
uint64_t rhb_store_largest(const struct rhb_store *store);

/* Adds a record, and throws out others where there is no space. False when it is empty, or larger
 * than that. */
bool rhb_store_add(struct rhb_store *store, uint64_t hash, const struct rhb_store_part *parts,
                   size_t n_parts);

/* Takes out the record that was read, if it is still there. */
void rhb_store_remove(struct rhb_store *store, const struct rhb_store_reading *reading);

/* The entry that has this number, for a walk over all records: false when it is free. */
bool rhb_store_nth(const struct rhb_store *store, uint32_t number,
                   struct rhb_store_reading *reading);

/* ---- for repair.c and store.c ---- */

/* Makes buckets, free lists and counters anew from the entries that are whole. */
void rhb_store_repair(struct rhb_store *store);

#endif
