/* Taking out what is old: purges that operators ask for, and unsafe requests. */
#include "cache.h"
#include "http/field_name.h"
#include "http/token_list.h"
#include <strings.h>

enum { LOCK_MS = 200 };

/* ---- which records ---- */

/* The length of scheme and host in a URI, in which case does not matter. */
static size_t origin_len(const char *uri, size_t len)
{
    const char *slash = memchr(uri, ':', len);
    if (slash == NULL || (size_t)(uri + len - slash) < 3)
        return len;
    slash = memchr(slash + 3, '/', (size_t)(uri + len - slash - 3));
    return slash != NULL ? (size_t)(slash - uri) : len;
}

/* Whether the URI begins with this text. */
static bool begins_with(const char *uri, size_t uri_len, const char *text, size_t len)
{
    size_t origin = origin_len(text, len);
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

/* A record that cannot be read is taken out too. */
static bool is_meant(struct rhb_cache *cache, const struct rhb_purge *purge,
                     struct rhb_found *found, struct rhb_bytes *fields)
{
    if (purge->kind == RHB_PURGE_ALL || !rhb_record_read_key(&cache->store, found, &cache->scratch))
        return true;
    fields->len = 0;
    if (purge->kind == RHB_PURGE_TAG && !rhb_record_fields(&cache->store, found, fields))
        return true;
    return means(purge, cache->scratch.data, found->record.uri_len, fields);
}

/* ---- purges ---- */

static void carry_out(struct rhb_cache *cache, const struct rhb_purge *purge)
{
    struct rhb_found found;
    struct rhb_bytes fields = {0};
    for (uint32_t number = 0; number < cache->store.n_entries; number++) {
        if (!rhb_store_nth(&cache->store, number, &found.reading) ||
            !is_meant(cache, purge, &found, &fields))
            continue;
        rhb_store_remove(&cache->store, &found.reading);
        atomic_fetch_add(&cache->desk->removed, 1);
    }
    rhb_bytes_free(&fields);
}

/* The purge of this number as it was asked for; everything, when its place is being used again. */
static void read_purge(const struct rhb_cache *cache, uint64_t number, struct rhb_purge *purge)
{
    memcpy(purge, &cache->desk->purges[number % RHB_PURGES], sizeof *purge);
    atomic_thread_fence(memory_order_acquire); /* `asked` is read behind the copy */
    uint64_t behind = atomic_load(&cache->desk->asked) - number;
    if (purge->number != number || behind >= RHB_PURGES - 1 || purge->len > RHB_PURGE_TEXT ||
        purge->kind > RHB_PURGE_ALL)
        *purge = (struct rhb_purge){.kind = RHB_PURGE_ALL};
}

bool rhb_cache_was_purged(const struct rhb_cache *cache, uint64_t since, const char *uri,
                          size_t len, const struct rhb_bytes *fields)
{
    struct rhb_purge purge;
    uint64_t asked = atomic_load(&cache->desk->asked);
    for (uint64_t number = since + 1; number <= asked; number++) {
        read_purge(cache, number, &purge);
        if (means(&purge, uri, len, fields))
            return true;
    }
    return false;
}

/* What is owed is struck out only when it is done, and if nothing else was added meanwhile. */
static void pay_all(struct rhb_cache *cache)
{
    uint64_t owed = atomic_load(&cache->memory->owes_all);
    if (owed == 0)
        return;
    carry_out(cache, &(struct rhb_purge){.kind = RHB_PURGE_ALL});
    atomic_compare_exchange_strong(&cache->memory->owes_all, &owed, 0);
}

static void carry_out_asked(struct rhb_cache *cache)
{
    struct rhb_purge_desk *desk = cache->desk;
    struct rhb_purge purge = {0};
    uint64_t asked = atomic_load(&desk->asked);
    for (uint64_t done = atomic_load(&desk->done); done < asked && purge.kind != RHB_PURGE_ALL;
         done++) {
        read_purge(cache, done + 1, &purge);
        carry_out(cache, &purge);
    }
    atomic_store(&desk->done, asked);
}

bool rhb_cache_catch_up(struct rhb_cache *cache)
{
    const struct rhb_purge_desk *desk = cache->desk;
    if (atomic_load(&desk->done) == atomic_load(&desk->asked) && !rhb_cache_owes_all(cache->memory))
        return true;
    if (!rhb_cache_lock(cache, LOCK_MS))
        return false;
    pay_all(cache);
    carry_out_asked(cache);
    rhb_cache_show(cache);
    rhb_store_unlock(&cache->store);
    return true;
}

/* ---- unsafe requests ---- */

static void forget(struct rhb_cache *cache, const char *uri, size_t len)
{
    struct rhb_bytes scratch = {0};
    uint64_t hash = rhb_siphash(&cache->store.head->key, uri, len);
    atomic_fetch_add(&cache->memory->changed, 1);
    atomic_fetch_add(rhb_cache_changes(cache->memory, hash), 1);
    if (!rhb_cache_lock(cache, LOCK_MS)) {
        atomic_fetch_add(&cache->memory->owes_all, 1);
        return;
    }
    rhb_record_forget(&cache->store, &cache->store.head->key, uri, len, &scratch);
    rhb_cache_show(cache);
    rhb_store_unlock(&cache->store);
    rhb_bytes_free(&scratch);
}

/* A reference with the same scheme and host as `uri`, or a path. Others are not ours to forget. */
static bool resolve(struct rhb_bytes *target, const struct rhb_bytes *uri,
                    const struct rhb_text *reference)
{
    size_t origin = origin_len(uri->data, uri->len);
    const char *hash = memchr(reference->at, '#', reference->len);
    size_t len = hash != NULL ? (size_t)(hash - reference->at) : reference->len;
    target->len = 0;
    if (len > 0 && reference->at[0] == '/' && !(len > 1 && reference->at[1] == '/'))
        return rhb_bytes_append(target, uri->data, origin) &&
               rhb_bytes_append(target, reference->at, len);
    if (len <= origin || strncasecmp(reference->at, uri->data, origin) != 0 ||
        reference->at[origin] != '/')
        return false;
    return rhb_bytes_append(target, uri->data, origin) &&
           rhb_bytes_append(target, reference->at + origin, len - origin);
}

void rhb_cache_invalidate(struct rhb_cache *cache, const struct rhb_asker *asker,
                          const char *fields, size_t len)
{
    struct rhb_bytes uri = {0}, other = {0};
    struct rhb_field_line field;
    const char *at = fields;
    if (rhb_asked_uri(asker, cache->proxies, &uri)) {
        forget(cache, uri.data, uri.len);
        while (rhb_next_field(&at, fields + len, &field))
            if ((rhb_name_is(field.name.at, field.name.len, "location") ||
                 rhb_name_is(field.name.at, field.name.len, "content-location")) &&
                resolve(&other, &uri, &field.value))
                forget(cache, other.data, other.len);
    }
    rhb_bytes_free(&uri);
    rhb_bytes_free(&other);
}
