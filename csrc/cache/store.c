#define _GNU_SOURCE
#include "store_words.h"
#include <errno.h>
#include <time.h>

#define MAGIC UINT64_C(0x31304548434b4252)
enum { LINE = 64 };

/* ---- the memory ---- */

static size_t aligned(size_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

/* Where the parts are, if there are so many blocks; the sum of all. An entry has two blocks or more
 * on average. */
static size_t lay_out(struct rhb_store *store, char *memory, uint32_t n_blocks)
{
    size_t at = aligned(sizeof(struct rhb_store_head));
    store->n_blocks = n_blocks;
    store->n_entries = n_blocks / 2;
    for (store->n_buckets = 16; store->n_buckets < store->n_entries;)
        store->n_buckets *= 2;
    store->head = (struct rhb_store_head *)memory;
    store->buckets = (_Atomic uint32_t *)(memory + at);
    at = aligned(at + store->n_buckets * sizeof(uint32_t));
    store->entries = (struct rhb_store_entry *)(memory + at);
    at = aligned(at + store->n_entries * sizeof(struct rhb_store_entry));
    store->next_blocks = (_Atomic uint32_t *)(memory + at);
    at = aligned(at + n_blocks * sizeof(uint32_t));
    store->blocks = (_Atomic uint64_t *)(memory + at);
    return at + (size_t)n_blocks * RHB_STORE_BLOCK;
}

/* As many blocks as fit. */
static bool lay_out_all(struct rhb_store *store, void *memory, size_t size)
{
    if (size < RHB_STORE_LEAST || size / RHB_STORE_BLOCK >= RHB_STORE_NONE)
        return false;
    uint32_t n_blocks = (uint32_t)(size / RHB_STORE_BLOCK);
    while (lay_out(store, memory, n_blocks) > size)
        n_blocks -= n_blocks / 256 + 1;
    return true;
}

static bool make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return false;
    bool made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                pthread_mutex_init(lock, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return made;
}

bool rhb_store_make(void *memory, size_t size, const struct rhb_hash_key *key)
{
    struct rhb_store store;
    if (!lay_out_all(&store, memory, size))
        return false;
    *store.head = (struct rhb_store_head){
        .magic = MAGIC, .size = size, .n_blocks = store.n_blocks, .key = *key};
    rhb_store_repair(&store);
    store.head->repairs = 0;
    return make_lock(&store.head->lock);
}

bool rhb_store_open(struct rhb_store *store, void *memory, size_t size)
{
    if (!lay_out_all(store, memory, size))
        return false;
    return store->head->magic == MAGIC && store->head->size == size &&
           store->head->n_blocks == store->n_blocks;
}

/* ---- reading ---- */

/* Starts to read the entry, if it is whole and has this hash. */
static bool starts(const struct rhb_store *store, uint32_t number, const uint64_t *hash,
                   struct rhb_store_reading *reading)
{
    const struct rhb_store_entry *entry = &store->entries[number];
    uint32_t sequence = LOAD(entry->sequence);
    if (sequence & 1)
        return false;
    reading->entry = number;
    reading->sequence = sequence;
    reading->len = LOAD(entry->len);
    reading->block = LOAD(entry->first);
    reading->at = 0;
    return (hash == NULL || LOAD(entry->hash) == *hash) && reading->len != 0 &&
           rhb_store_is_same(store, reading);
}

bool rhb_store_next(const struct rhb_store *store, uint64_t hash, struct rhb_store_reading *reading)
{
    uint32_t number = reading->entry == RHB_STORE_NONE ? LOAD(*rhb_store_bucket(store, hash))
                                                       : LOAD(store->entries[reading->entry].next);
    while (number < store->n_entries && reading->left > 0) {
        reading->left--;
        if (starts(store, number, &hash, reading))
            return true;
        number = LOAD(store->entries[number].next);
    }
    return false;
}

/* The chain may be changing, so a number is only used if it is one. */
static bool go_to_next_block(const struct rhb_store *store, struct rhb_store_reading *reading)
{
    if (reading->block < store->n_blocks)
        reading->block = LOAD(store->next_blocks[reading->block]);
    return reading->block < store->n_blocks;
}

#ifdef __SANITIZE_THREAD__
static void copy_out(const _Atomic uint64_t *words, size_t from, char *to, size_t len)
{
    for (size_t end = from + len; from < end;) {
        uint64_t copy = LOAD(words[from / 8]);
        size_t skip = from % 8, part = 8 - skip < end - from ? 8 - skip : end - from;
        memcpy(to, (const char *)&copy + skip, part);
        to += part;
        from += part;
    }
}
#else
/* Out of one block. Not word by word: it takes a fifth of the time. What comes in pieces from two
 * records is never used, as the number then tells; the fence is for that. The compiler is not to
 * know how long it is at most: gcc then takes `rep movs`, which is slow to start. */
static void copy_out(const _Atomic uint64_t *words, size_t from, char *to, size_t len)
{
    __asm__("" : "+r"(len));
    memcpy(to, (const char *)words + from, len);
    atomic_thread_fence(memory_order_acquire);
}
#endif

bool rhb_store_read(const struct rhb_store *store, struct rhb_store_reading *reading, void *to,
                    uint64_t len)
{
    char *at = to;
    if (len > reading->len - reading->at)
        return false;
    while (len > 0) {
        size_t from = reading->at % RHB_STORE_BLOCK, left = RHB_STORE_BLOCK - from;
        size_t part = left < len ? left : (size_t)len;
        if (from == 0 && reading->at > 0 && !go_to_next_block(store, reading))
            return false;
        if (reading->block >= store->n_blocks)
            return false;
        copy_out(rhb_store_words(store, reading->block), from, at, part);
        reading->at += part;
        at += part;
        len -= part;
    }
    return rhb_store_is_same(store, reading);
}

void rhb_store_touch(const struct rhb_store *store, const struct rhb_store_reading *reading)
{
    _Atomic uint32_t *used = &store->entries[reading->entry].used;
    if (atomic_load_explicit(used, memory_order_relaxed) == 0)
        atomic_store_explicit(used, 1, memory_order_relaxed);
}

bool rhb_store_nth(const struct rhb_store *store, uint32_t number,
                   struct rhb_store_reading *reading)
{
    rhb_store_begin(reading);
    return starts(store, number, NULL, reading);
}

/* ---- the lock ---- */

static int lock_by(pthread_mutex_t *lock, unsigned patience_ms)
{
    struct timespec until;
    int result = pthread_mutex_trylock(lock);
    if (result != EBUSY)
        return result;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)patience_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(lock, &until);
}

bool rhb_store_lock(struct rhb_store *store, unsigned patience_ms)
{
    int result = lock_by(&store->head->lock, patience_ms);
    if (result == EOWNERDEAD) {
        rhb_store_repair(store);
        pthread_mutex_consistent(&store->head->lock);
        return true;
    }
    return result == 0;
}

void rhb_store_unlock(struct rhb_store *store)
{
    pthread_mutex_unlock(&store->head->lock);
}
