/* After a writer was killed: what is known for sure are the entries whose sequence numbers are even
 * and whose chains are right. Everything else is made from them. */
#include "store_words.h"
#include <stdlib.h>

static uint64_t blocks_for(uint64_t len)
{
    return len / RHB_STORE_BLOCK + (len % RHB_STORE_BLOCK != 0);
}

/* Whether the chain of the entry has as many blocks as its record needs, which no other entry has.
 * taken: for each block, whether one has it. */
static bool has_right_chain(const struct rhb_store *store, const struct rhb_store_entry *entry,
                            const unsigned char *taken)
{
    uint64_t left = blocks_for(LOAD(entry->len));
    uint32_t block = LOAD(entry->first);
    if (left > store->n_blocks)
        return false;
    for (; left > 0; left--) {
        if (block >= store->n_blocks || taken[block])
            return false;
        block = LOAD(store->next_blocks[block]);
    }
    return block == RHB_STORE_NONE;
}

static void mark_chain(const struct rhb_store *store, const struct rhb_store_entry *entry,
                       unsigned char *taken)
{
    for (uint32_t block = LOAD(entry->first); block != RHB_STORE_NONE;
         block = LOAD(store->next_blocks[block]))
        taken[block] = 1;
}

static void free_entry(struct rhb_store *store, uint32_t number)
{
    struct rhb_store_entry *entry = &store->entries[number];
    STORE(entry->sequence, LOAD(entry->sequence) | 1);
    STORE(entry->len, 0);
    STORE(entry->next, store->head->free_entry);
    store->head->free_entry = number;
    STORE(entry->sequence, LOAD(entry->sequence) + 1);
}

static void keep_entry(struct rhb_store *store, uint32_t number)
{
    struct rhb_store_entry *entry = &store->entries[number];
    _Atomic uint32_t *bucket = rhb_store_bucket(store, LOAD(entry->hash));
    STORE(entry->next, LOAD(*bucket));
    STORE(*bucket, number);
    atomic_fetch_add_explicit(&store->head->bytes, LOAD(entry->len), memory_order_relaxed);
    atomic_fetch_add_explicit(&store->head->records, 1, memory_order_relaxed);
}

static void free_block(struct rhb_store *store, uint32_t block)
{
    STORE(store->next_blocks[block], store->head->free_block);
    store->head->free_block = block;
    store->head->n_free_blocks++;
}

static void forget_all(struct rhb_store *store)
{
    struct rhb_store_head *head = store->head;
    for (uint32_t i = 0; i < store->n_buckets; i++)
        STORE(store->buckets[i], RHB_STORE_NONE);
    head->free_entry = head->free_block = RHB_STORE_NONE;
    head->n_free_blocks = 0;
    head->hand = 0;
    atomic_store_explicit(&head->bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&head->records, 0, memory_order_relaxed);
}

/* taken: NULL when there is no memory for it; then no record is kept. From the last entry to the
 * first, so that the lists of free ones are in the order of the memory: what is not used is never
 * touched. */
static void rebuild(struct rhb_store *store, unsigned char *taken)
{
    forget_all(store);
    for (uint32_t number = store->n_entries; number-- > 0;) {
        const struct rhb_store_entry *entry = &store->entries[number];
        if (taken == NULL || (LOAD(entry->sequence) & 1) || LOAD(entry->len) == 0 ||
            !has_right_chain(store, entry, taken)) {
            free_entry(store, number);
            continue;
        }
        mark_chain(store, entry, taken);
        keep_entry(store, number);
    }
    for (uint32_t block = store->n_blocks; block-- > 0;)
        if (taken == NULL || !taken[block])
            free_block(store, block);
}

void rhb_store_repair(struct rhb_store *store)
{
    unsigned char *taken = calloc(store->n_blocks, 1);
    rebuild(store, taken);
    free(taken);
    atomic_fetch_add_explicit(&store->head->repairs, 1, memory_order_relaxed);
}
