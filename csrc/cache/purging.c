/* Taking out what operators have purged. It is out as soon as they have asked: whoever looks a
 * record up compares it with the purges that have not been carried out. A sweep over all records
 * carries them out, in steps; so nobody waits for it, however large the cache is. */
#include "cache.h"
#include "http/field_name.h"
#include "http/token_list.h"
#include <stdlib.h>
#include <strings.h>

/* ---- which records ---- */

/* Whether the URI begins with this text. */
static bool begins_with(const char *uri, size_t uri_len, const char *text, size_t len)
{
    size_t origin = rhb_uri_origin(text, len);
    return uri_len >= len && strncasecmp(uri, text, origin) == 0 &&
           memcmp(uri + origin, text + origin, len - origin) == 0;
}

/* Tags of a Surrogate-Key are separated by spaces, those of a Cache-Tag by commas. */
static bool lists_tag(const struct rhb_text *value, bool by_spaces, const char *tag, size_t len)
{
    const char *at = value->at, *end = at + value->len;
    while (at < end) {
        while (at < end && (rhb_is_ows(*at) || *at == ','))
            at++;
        const char *first = at;
        while (at < end && *at != ',' && !(by_spaces && rhb_is_ows(*at)))
            at++;
        const char *last = at;
        while (last > first && rhb_is_ows(last[-1]))
            last--;
        if ((size_t)(last - first) == len && memcmp(first, tag, len) == 0)
            return true;
    }
    return false;
}

static bool has_tag(const struct rhb_bytes *fields, const char *tag, size_t len)
{
    struct rhb_field_line field;
    const char *at = fields->data;
    while (rhb_next_field(&at, fields->data + fields->len, &field)) {
        bool by_spaces = rhb_name_is(field.name.at, field.name.len, "surrogate-key");
        if ((by_spaces || rhb_name_is(field.name.at, field.name.len, "cache-tag")) &&
            lists_tag(&field.value, by_spaces, tag, len))
            return true;
    }
    return false;
}

/* Whether it is of a record with this URI and these fields. */
static bool means(const struct rhb_purge *purge, const char *uri, size_t len,
                  const struct rhb_bytes *fields)
{
    switch (purge->kind) {
    case RHB_PURGE_URL:
        return len == purge->len && begins_with(uri, len, purge->text, purge->len);
    case RHB_PURGE_PREFIX:
        return begins_with(uri, len, purge->text, purge->len);
    case RHB_PURGE_TAG:
        return has_tag(fields, purge->text, purge->len);
    default:
        return true;
    }
}

/* ---- the desk ---- */

/* The purge of this number as it was asked for; everything, when its place is being used again. */
static void read_purge(const struct rhb_cache *cache, uint64_t number, struct rhb_purge *purge)
{
    memcpy(purge, &cache->desk->purges[number % RHB_PURGES], sizeof *purge);
    atomic_thread_fence(memory_order_acquire); /* `asked` is read behind the copy */
    uint64_t behind = atomic_load(&cache->desk->asked) - number;
    if (purge->number != number || behind >= RHB_PURGES - 1 || purge->len > RHB_PURGE_TEXT ||
        purge->kind > RHB_PURGE_ALL)
        *purge = (struct rhb_purge){.kind = RHB_PURGE_ALL, .number = number};
}

/* ---- what is not answered ---- */

/* By the purges from `first` to `last`. */
static bool is_meant(const struct rhb_cache *cache, uint64_t first, uint64_t last, const char *uri,
                     size_t len, const struct rhb_bytes *fields)
{
    struct rhb_purge purge;
    for (uint64_t number = first; number <= last; number++) {
        read_purge(cache, number, &purge);
        if (means(&purge, uri, len, fields))
            return true;
    }
    return false;
}

bool rhb_cache_was_purged(const struct rhb_cache *cache, uint64_t since, const char *uri,
                          size_t len, const struct rhb_bytes *fields)
{
    return is_meant(cache, since + 1, atomic_load(&cache->desk->asked), uri, len, fields);
}

/* `asked` before `done`: what is carried out between is not there any more. Its fields cannot be
 * read when it has gone meanwhile. */
bool rhb_cache_is_out(struct rhb_cache *cache, const struct rhb_found *found,
                      const struct rhb_asked *asked)
{
    const struct rhb_moment *asked_at = &found->record.asked_at;
    uint64_t last = atomic_load(&cache->desk->asked), done = atomic_load(&cache->desk->done);
    uint64_t since = asked_at->purges > done ? asked_at->purges : done;
    if (asked_at->era != atomic_load(&cache->memory->era))
        return true;
    if (since >= last)
        return false;
    struct rhb_found copy = *found;
    struct rhb_bytes fields = {0};
    bool out = !rhb_record_fields(&cache->store, &copy, &fields) ||
               is_meant(cache, since + 1, last, asked->uri, asked->uri_len, &fields);
    rhb_bytes_free(&fields);
    return out;
}

/* ---- the sweep ---- */

enum {
    STEP = 1024, /* entries that are looked at under the lock; half a millisecond */
    PER_ENTRY = 4 * RHB_STORE_BLOCK /* bytes that take as long to free as an entry to look at */
};

/* What one step carries out. */
struct step {
    struct rhb_cache *cache;
    uint64_t first;
    uint32_t count;
    struct rhb_purge *purges;
    bool by_tag;
    struct rhb_bytes fields; /* read only then */
};

/* A record that cannot be read is taken out too. */
static bool is_swept(struct step *step, struct rhb_found *found)
{
    struct rhb_cache *cache = step->cache;
    const struct rhb_bytes *key = &cache->scratch;
    step->fields.len = 0;
    if (!rhb_record_read_key(&cache->store, found, &cache->scratch) ||
        (step->by_tag && !rhb_record_fields(&cache->store, found, &step->fields)))
        return true;
    for (uint32_t i = 0; i < step->count; i++)
        if (step->first + i > found->record.asked_at.purges &&
            means(&step->purges[i], key->data, found->record.uri_len, &step->fields))
            return true;
    return false;
}

static void sweep_entries(struct step *step, struct rhb_sweep *sweep)
{
    struct rhb_store *store = &step->cache->store;
    struct rhb_found found;
    for (uint64_t work = 0; work < STEP && sweep->at < store->n_entries; sweep->at++, work++) {
        if (!rhb_store_nth(store, sweep->at, &found.reading) || !is_swept(step, &found))
            continue;
        work += 2 + found.reading.len / PER_ENTRY;
        rhb_store_remove(store, &found.reading);
        atomic_fetch_add(&step->cache->desk->removed, 1);
    }
}

/* The purges behind `done`; when there are too many, one of everything. */
static bool read_purges(struct step *step, uint64_t done, uint64_t target)
{
    bool all = target - done >= RHB_PURGES - 1;
    step->first = all ? target : done + 1;
    step->count = all ? 1 : (uint32_t)(target - done);
    step->purges = calloc(step->count, sizeof *step->purges);
    if (step->purges == NULL)
        return false;
    for (uint32_t i = 0; i < step->count; i++) {
        read_purge(step->cache, step->first + i, &step->purges[i]);
        if (all)
            step->purges[i].kind = RHB_PURGE_ALL;
        step->by_tag |= step->purges[i].kind == RHB_PURGE_TAG;
    }
    return true;
}

/* Under the lock. All that were asked for when a sweep begins are carried out by it. */
static void take_step(struct rhb_cache *cache)
{
    struct rhb_sweep *sweep = &cache->memory->sweep;
    struct step step = {.cache = cache};
    uint64_t done = atomic_load(&cache->desk->done);
    if (sweep->target <= done)
        *sweep = (struct rhb_sweep){.target = atomic_load(&cache->desk->asked)};
    if (sweep->target <= done || !read_purges(&step, done, sweep->target))
        return;
    sweep_entries(&step, sweep);
    if (sweep->at == cache->store.n_entries)
        atomic_store(&cache->desk->done, sweep->target);
    free(step.purges);
    rhb_bytes_free(&step.fields);
}

void rhb_cache_sweep(struct rhb_cache *cache)
{
    const struct rhb_purge_desk *desk = cache->desk;
    if (atomic_load(&desk->done) == atomic_load(&desk->asked) || !rhb_store_lock(&cache->store, 0))
        return;
    take_step(cache);
    rhb_cache_show(cache);
    rhb_store_unlock(&cache->store);
}
