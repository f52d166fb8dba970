#define _GNU_SOURCE
#include "store.h"
#include <errno.h>
#include <time.h>

#define MAGIC UINT64_C(0x31304548434b4252)
enum {
    WORDS = RHB_STORE_BLOCK / 8,
    LINE = 64,
    LARGEST_SHARE = 4 /* a record has at most so much */
};

#define LOAD(word) atomic_load_explicit(&(word), memory_order_acquire)
#define STORE(word, value) atomic_store_explicit(&(word), (value), memory_order_release)

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

static _Atomic uint32_t *bucket_of(const struct rhb_store *store, uint64_t hash)
{
    return &store->buckets[hash & (store->n_buckets - 1)];
}

static _Atomic uint64_t *words_of(const struct rhb_store *store, uint32_t block)
{
    return store->blocks + (size_t)block * WORDS;
}

/* ---- reading ---- */

static bool is_same(const struct rhb_store *store, const struct rhb_store_reading *reading)
{
    return LOAD(store->entries[reading->entry].sequence) == reading->sequence;
}

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
           is_same(store, reading);
}

bool rhb_store_next(const struct rhb_store *store, uint64_t hash, struct rhb_store_reading *reading)
{
    uint32_t number = reading->entry == RHB_STORE_NONE ? LOAD(*bucket_of(store, hash))
                                                       : LOAD(store->entries[reading->entry].next);
    while (number < store->n_entries && reading->looked_at++ < RHB_STORE_SAME) {
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

static inline char *copy_word(const _Atomic uint64_t *word, char *to)
{
    uint64_t copy = LOAD(*word);
    memcpy(to, &copy, 8);
    return to + 8;
}

static char *copy_part_of_word(const _Atomic uint64_t *word, size_t from, char *to, size_t len)
{
    uint64_t copy = LOAD(*word);
    memcpy(to, (const char *)&copy + from, len);
    return to + len;
}

/* Out of one block. */
static void copy_out(const _Atomic uint64_t *words, size_t from, char *to, size_t len)
{
    size_t skip = from % 8, part = (8 - skip) % 8 < len ? (8 - skip) % 8 : len;
    words += from / 8;
    if (part > 0)
        to = copy_part_of_word(words++, skip, to, part);
    len -= part;
    for (; len >= 32; len -= 32, words += 4)
        for (int i = 0; i < 4; i++)
            to = copy_word(words + i, to);
    for (; len >= 8; len -= 8)
        to = copy_word(words++, to);
    if (len > 0)
        copy_part_of_word(words, 0, to, len);
}

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
        copy_out(words_of(store, reading->block), from, at, part);
        reading->at += part;
        at += part;
        len -= part;
    }
    return is_same(store, reading);
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

/* ---- writing ---- */

static void change(struct rhb_store_entry *entry)
{
    STORE(entry->sequence, LOAD(entry->sequence) + 1);
}

/* Takes the entry out of the list of its bucket. Readers of it go on along `next`. */
static void unlink_entry(struct rhb_store *store, uint32_t number)
{
    _Atomic uint32_t *link = bucket_of(store, LOAD(store->entries[number].hash));
    while (LOAD(*link) < store->n_entries && LOAD(*link) != number)
        link = &store->entries[LOAD(*link)].next;
    if (LOAD(*link) == number)
        STORE(*link, LOAD(store->entries[number].next));
}

static void free_blocks(struct rhb_store *store, uint32_t first, uint64_t len)
{
    struct rhb_store_head *head = store->head;
    for (; len > 0 && first < store->n_blocks;
         len -= len < RHB_STORE_BLOCK ? len : RHB_STORE_BLOCK) {
        uint32_t next = LOAD(store->next_blocks[first]);
        STORE(store->next_blocks[first], head->free_block);
        head->free_block = first;
        head->n_free_blocks++;
        first = next;
    }
}

static void remove_entry(struct rhb_store *store, uint32_t number)
{
    struct rhb_store_entry *entry = &store->entries[number];
    uint64_t len = LOAD(entry->len);
    change(entry); /* first: from now on nobody takes it for whole */
    unlink_entry(store, number);
    free_blocks(store, LOAD(entry->first), len);
    STORE(entry->len, 0);
    STORE(entry->next, store->head->free_entry);
    store->head->free_entry = number;
    atomic_fetch_sub_explicit(&store->head->bytes, len, memory_order_relaxed);
    atomic_fetch_sub_explicit(&store->head->records, 1, memory_order_relaxed);
    change(entry);
}

/* CLOCK: the hand takes the mark of what was used since it last passed, and throws out what was
 * not. */
static bool evict_one(struct rhb_store *store)
{
    struct rhb_store_head *head = store->head;
    for (uint64_t looked_at = 0; looked_at < 2 * (uint64_t)store->n_entries; looked_at++) {
        uint32_t number = head->hand;
        struct rhb_store_entry *entry = &store->entries[number];
        head->hand = number + 1 < store->n_entries ? number + 1 : 0;
        if (LOAD(entry->len) == 0)
            continue;
        if (atomic_exchange_explicit(&entry->used, 0, memory_order_relaxed) != 0)
            continue;
        remove_entry(store, number);
        atomic_fetch_add_explicit(&head->evictions, 1, memory_order_relaxed);
        return true;
    }
    return false;
}

static bool make_space(struct rhb_store *store, uint64_t n_blocks)
{
    while (store->head->n_free_blocks < n_blocks || store->head->free_entry == RHB_STORE_NONE)
        if (!evict_one(store))
            return false;
    return true;
}

static uint32_t take_block(struct rhb_store *store)
{
    uint32_t block = store->head->free_block;
    store->head->free_block = LOAD(store->next_blocks[block]);
    store->head->n_free_blocks--;
    STORE(store->next_blocks[block], RHB_STORE_NONE);
    return block;
}

/* Where the next bytes of a record go. */
struct writing {
    struct rhb_store *store;
    uint32_t first, block;
    size_t at; /* in the block */
    uint64_t word;
};

static void flush_word(struct writing *writing)
{
    STORE(words_of(writing->store, writing->block)[(writing->at - 1) / 8], writing->word);
    writing->word = 0;
}

static void go_to_new_block(struct writing *writing)
{
    uint32_t block = take_block(writing->store);
    if (writing->first == RHB_STORE_NONE)
        writing->first = block;
    else
        STORE(writing->store->next_blocks[writing->block], block);
    writing->block = block;
    writing->at = 0;
}

/* As many whole words as fit into the block, from a border of words. Returns their bytes. */
static size_t write_words(struct writing *writing, const char *data, uint64_t len)
{
    _Atomic uint64_t *words = words_of(writing->store, writing->block) + writing->at / 8;
    size_t left = RHB_STORE_BLOCK - writing->at, size = (left < len ? left : (size_t)len) / 8 * 8;
    uint64_t word;
    for (size_t at = 0; at < size; at += 8) {
        memcpy(&word, data + at, 8);
        STORE(words[at / 8], word);
    }
    writing->at += size;
    return size;
}

static void write_part(struct writing *writing, const char *data, uint64_t len)
{
    while (len > 0) {
        if (writing->at == RHB_STORE_BLOCK || writing->first == RHB_STORE_NONE)
            go_to_new_block(writing);
        if (writing->at % 8 == 0 && len >= 8) {
            size_t size = write_words(writing, data, len);
            data += size;
            len -= size;
            continue;
        }
        size_t in_word = writing->at % 8, part = 8 - in_word < len ? 8 - in_word : (size_t)len;
        memcpy((char *)&writing->word + in_word, data, part);
        writing->at += part;
        data += part;
        len -= part;
        if (writing->at % 8 == 0)
            flush_word(writing);
    }
}

/* The blocks are there. Returns the first one. */
static uint32_t write_parts(struct rhb_store *store, const struct rhb_store_part *parts,
                            size_t n_parts)
{
    struct writing writing = {.store = store, .first = RHB_STORE_NONE};
    for (size_t i = 0; i < n_parts; i++)
        write_part(&writing, parts[i].data, parts[i].len);
    if (writing.at % 8 != 0)
        flush_word(&writing);
    return writing.first;
}

static uint32_t take_entry(struct rhb_store *store)
{
    uint32_t number = store->head->free_entry;
    store->head->free_entry = LOAD(store->entries[number].next);
    return number;
}

bool rhb_store_add(struct rhb_store *store, uint64_t hash, const struct rhb_store_part *parts,
                   size_t n_parts)
{
    uint64_t len = 0, n_blocks;
    for (size_t i = 0; i < n_parts; i++)
        len += parts[i].len;
    n_blocks = (len + RHB_STORE_BLOCK - 1) / RHB_STORE_BLOCK;
    if (len == 0 || n_blocks > store->n_blocks / LARGEST_SHARE || !make_space(store, n_blocks))
        return false;
    uint32_t number = take_entry(store);
    struct rhb_store_entry *entry = &store->entries[number];
    _Atomic uint32_t *bucket = bucket_of(store, hash);
    change(entry); /* odd until all of it is there */
    STORE(entry->first, write_parts(store, parts, n_parts));
    STORE(entry->hash, hash);
    STORE(entry->len, len);
    STORE(entry->used, 0);
    STORE(entry->next, LOAD(*bucket));
    change(entry);
    STORE(*bucket, number);
    atomic_fetch_add_explicit(&store->head->bytes, len, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->head->records, 1, memory_order_relaxed);
    return true;
}

void rhb_store_remove(struct rhb_store *store, const struct rhb_store_reading *reading)
{
    if (reading->entry < store->n_entries && is_same(store, reading))
        remove_entry(store, reading->entry);
}
