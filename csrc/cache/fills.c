#include "fills.h"

static uint64_t hash_part(uint64_t word)
{
    return word & ~(uint64_t)RHB_FILL_OWNERS;
}

static uint64_t word_of(uint64_t hash, size_t owner)
{
    return hash_part(hash) | (uint64_t)(owner + 1);
}

static size_t owner_of(uint64_t word)
{
    return (size_t)(word & RHB_FILL_OWNERS) - 1;
}

/* The claim for this hash; otherwise RHB_FILLS, and *free is a free one or RHB_FILLS. */
static uint32_t find(struct rhb_fills *fills, uint64_t hash, uint32_t *free, uint64_t *word)
{
    *free = RHB_FILLS;
    for (uint32_t probe = 0; probe < RHB_FILL_PROBES; probe++) {
        uint32_t index = (uint32_t)((hash >> 16) + probe) % RHB_FILLS;
        *word = atomic_load(&fills->claims[index].word);
        if (*word == 0 && *free == RHB_FILLS)
            *free = index;
        if (*word != 0 && hash_part(*word) == hash_part(hash))
            return index;
    }
    return RHB_FILLS;
}

enum rhb_claiming rhb_fills_claim(struct rhb_fills *fills, uint64_t hash, size_t owner,
                                  struct rhb_fill *fill)
{
    uint32_t free;
    uint64_t nothing = 0, word;
    uint32_t index = find(fills, hash, &free, &word);
    if (index != RHB_FILLS) {
        *fill = (struct rhb_fill){index, word};
        return RHB_CLAIM_OTHER;
    }
    if (free == RHB_FILLS || owner >= RHB_FILL_OWNERS)
        return RHB_CLAIM_NONE;
    *fill = (struct rhb_fill){free, word_of(hash, owner)};
    if (atomic_compare_exchange_strong(&fills->claims[free].word, &nothing, fill->word))
        return RHB_CLAIM_MINE;
    if (hash_part(nothing) != hash_part(hash))
        return RHB_CLAIM_NONE;
    fill->word = nothing;
    return RHB_CLAIM_OTHER;
}

bool rhb_fills_await(struct rhb_fills *fills, const struct rhb_fill *fill, size_t owner)
{
    struct rhb_fill_claim *claim = &fills->claims[fill->index];
    atomic_fetch_or(&claim->waiters, UINT64_C(1) << owner % 64);
    return atomic_load(&claim->word) == fill->word;
}

bool rhb_fills_was_refused(struct rhb_fills *fills, const struct rhb_fill *fill)
{
    return atomic_load(&fills->claims[fill->index].refused) == hash_part(fill->word);
}

uint64_t rhb_fills_end(struct rhb_fills *fills, const struct rhb_fill *fill, bool stored)
{
    struct rhb_fill_claim *claim = &fills->claims[fill->index];
    uint64_t mine = fill->word;
    atomic_store(&claim->refused, stored ? 0 : hash_part(mine));
    if (!atomic_compare_exchange_strong(&claim->word, &mine, 0))
        return 0; /* it was given back for this worker, which was taken for dead */
    return atomic_exchange(&claim->waiters, 0);
}

uint64_t rhb_fills_end_owner(struct rhb_fills *fills, size_t owner)
{
    uint64_t waiters = 0;
    for (uint32_t index = 0; index < RHB_FILLS; index++) {
        uint64_t word = atomic_load(&fills->claims[index].word);
        struct rhb_fill fill = {index, word};
        if (word != 0 && owner_of(word) == owner)
            waiters |= rhb_fills_end(fills, &fill, true); /* whoever waits asks once more */
    }
    return waiters;
}
