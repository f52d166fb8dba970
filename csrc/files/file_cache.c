#include "file_cache.h"
#include "base/clock.h"
#include "beneath.h"
#include <errno.h>
#include <stdlib.h>

enum { CHAINS = 1024 };
#define FRESH RHB_NS_PER_SECOND

struct rhb_file_cache {
    struct rhb_file_cache_limits limits;
    bool supported;
    struct rhb_link by_use; /* the one that has not been used for longest is the first */
    size_t entries, descriptors, bytes;
    struct rhb_file_entry *chains[CHAINS];
};

struct rhb_file_cache *rhb_file_cache_new(const struct rhb_file_cache_limits *limits)
{
    struct rhb_file_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    cache->limits = *limits;
    cache->supported = rhb_beneath_is_supported();
    rhb_list_init(&cache->by_use);
    return cache;
}

/* ---- the table ---- */

static uint64_t hash_of(const struct rhb_site *site, const char *path, size_t len)
{
    uint64_t hash = (uint64_t)(uintptr_t)site ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)path[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* The place that points to the entry, or the NULL at the end of its chain. */
static struct rhb_file_entry **place_of(struct rhb_file_cache *cache, const struct rhb_site *site,
                                        uint64_t hash, const char *path, size_t len)
{
    struct rhb_file_entry **place = &cache->chains[hash % CHAINS];
    for (; *place != NULL; place = &(*place)->next) {
        const struct rhb_file_entry *entry = *place;
        if (entry->hash == hash && entry->site == site && entry->path_len == len &&
            memcmp(entry->path, path, len) == 0)
            break;
    }
    return place;
}

static void take_out(struct rhb_file_cache *cache, struct rhb_file_entry **place)
{
    struct rhb_file_entry *entry = *place;
    *place = entry->next;
    rhb_list_remove(&entry->use);
    cache->entries--;
    cache->descriptors -= entry->descriptors;
    cache->bytes -= entry->bytes;
    rhb_file_entry_leave(entry);
}

static void take_out_entry(struct rhb_file_cache *cache, const struct rhb_file_entry *entry)
{
    take_out(cache, place_of(cache, entry->site, entry->hash, entry->path, entry->path_len));
}

static void put_in(struct rhb_file_cache *cache, struct rhb_file_entry *entry)
{
    entry->next = cache->chains[entry->hash % CHAINS];
    cache->chains[entry->hash % CHAINS] = entry;
    rhb_list_push(&cache->by_use, &entry->use);
    cache->entries++;
    cache->descriptors += entry->descriptors;
    cache->bytes += entry->bytes;
}

static bool is_over(const struct rhb_file_cache *cache, const struct rhb_file_cache_limits *limits)
{
    return cache->entries > limits->entries || cache->descriptors > limits->descriptors ||
           cache->bytes > limits->bytes;
}

static void shrink_to(struct rhb_file_cache *cache, const struct rhb_file_cache_limits *limits)
{
    while (is_over(cache, limits))
        take_out_entry(cache, (struct rhb_file_entry *)cache->by_use.next);
}

void rhb_file_cache_free(struct rhb_file_cache *cache)
{
    if (cache == NULL)
        return;
    shrink_to(cache, &(struct rhb_file_cache_limits){0});
    free(cache);
}

void rhb_file_cache_forget(struct rhb_file_cache *cache, const struct rhb_site *site)
{
    for (size_t i = 0; i < CHAINS; i++) {
        struct rhb_file_entry **place = &cache->chains[i];
        while (*place != NULL) {
            if ((*place)->site == site)
                take_out(cache, place);
            else
                place = &(*place)->next;
        }
    }
}

/* A file in use is checked once a second. now: perhaps of a clock that is some milliseconds behind.
 */
static bool is_idle(const struct rhb_file_entry *entry, uint64_t now)
{
    return now > entry->checked_at && now - entry->checked_at > RHB_SITE_IDLE;
}

void rhb_file_cache_tick(struct rhb_file_cache *cache, uint64_t now)
{
    while (cache->entries > 0 && is_idle((struct rhb_file_entry *)cache->by_use.next, now))
        take_out_entry(cache, (struct rhb_file_entry *)cache->by_use.next);
}

/* ---- files ---- */

bool rhb_file_cache_give_back(struct rhb_file_cache *cache, int error)
{
    struct rhb_file_cache_limits limits = cache->limits;
    if ((error != -EMFILE && error != -ENFILE) || cache->descriptors == 0)
        return false;
    limits.descriptors = 0;
    shrink_to(cache, &limits);
    return true;
}

static struct rhb_file_entry *open_entry(struct rhb_file_cache *cache, const struct rhb_site *site,
                                         const char *path, size_t len, int *error)
{
    struct rhb_file_entry *entry;
    do
        entry = rhb_file_entry_open(site, path, len, cache->supported, error);
    while (entry == NULL && rhb_file_cache_give_back(cache, *error));
    return entry;
}

/* The caller's share. */
static struct rhb_file_entry *use(struct rhb_file_cache *cache, struct rhb_file_entry *entry)
{
    rhb_list_remove(&entry->use);
    rhb_list_push(&cache->by_use, &entry->use);
    entry->answers++;
    return entry;
}

/* Whether the entry may be used. While nothing is known (no descriptor is left) it may. */
static bool is_good(struct rhb_file_cache *cache, struct rhb_file_entry *entry, uint64_t now)
{
    int error;
    if (now - entry->checked_at < FRESH)
        return true;
    if (!rhb_file_entry_is_current(entry, cache->supported, &error) && error == -ENOENT)
        return false;
    entry->checked_at = now;
    return true;
}

struct rhb_file_entry *rhb_file_cache_get(struct rhb_file_cache *cache, const struct rhb_site *site,
                                          const char *path, size_t len, uint64_t now, int *error)
{
    uint64_t hash = hash_of(site, path, len);
    struct rhb_file_entry **place = place_of(cache, site, hash, path, len);
    if (*place != NULL && is_good(cache, *place, now))
        return use(cache, *place);
    if (*place != NULL)
        take_out(cache, place);
    struct rhb_file_entry *entry = open_entry(cache, site, path, len, error);
    if (entry == NULL)
        return NULL;
    entry->hash = hash;
    entry->checked_at = now;
    put_in(cache, entry);
    use(cache, entry);
    shrink_to(cache, &cache->limits);
    return entry;
}
