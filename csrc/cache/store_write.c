#include "store_words.h"
#include <string.h>

enum { LARGEST_SHARE = 4 /* of the blocks, for one record */ };

static void change(struct rhb_store_entry *entry)
{
    STORE(entry->sequence, LOAD(entry->sequence) + 1);
}

/* Takes the entry out of the list of its bucket. Readers of it go on along `next`. */
static void unlink_entry(struct rhb_store *store, uint32_t number)
{
    _Atomic uint32_t *link = rhb_store_bucket(store, LOAD(store->entries[number].hash));
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
    STORE(rhb_store_words(writing->store, writing->block)[(writing->at - 1) / 8], writing->word);
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
    _Atomic uint64_t *words = rhb_store_words(writing->store, writing->block) + writing->at / 8;
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

uint64_t rhb_store_largest(const struct rhb_store *store)
{
    return (uint64_t)(store->n_blocks / LARGEST_SHARE) * RHB_STORE_BLOCK;
}

bool rhb_store_add(struct rhb_store *store, uint64_t hash, const struct rhb_store_part *parts,
                   size_t n_parts)
{
    uint64_t len = 0, n_blocks;
    for (size_t i = 0; i < n_parts; i++)
        len += parts[i].len;
    n_blocks = (len + RHB_STORE_BLOCK - 1) / RHB_STORE_BLOCK;
    if (len == 0 || len > rhb_store_largest(store) || !make_space(store, n_blocks))
        return false;
    uint32_t number = take_entry(store);
    struct rhb_store_entry *entry = &store->entries[number];
    _Atomic uint32_t *bucket = rhb_store_bucket(store, hash);
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
    if (reading->entry < store->n_entries && rhb_store_is_same(store, reading))
        remove_entry(store, reading->entry);
}
