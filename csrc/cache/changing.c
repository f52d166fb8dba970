/* What unsafe requests change (RFC 9111 section 4.4) is taken out, and what the application was
 * asked for before is not stored. */
#include "cache.h"
#include "http/field_name.h"
#include <strings.h>

enum { LOCK_MS = 200 };
#define NUMBER UINT64_C(0xffff) /* the bits that say of which change a word is */

/* ---- what has changed ---- */

static void note_change(struct rhb_cache_memory *memory, uint64_t hash)
{
    uint64_t number = atomic_fetch_add(&memory->changed, 1) + 1;
    atomic_store(&memory->changes[number % RHB_CHANGES], (hash & ~NUMBER) | (number & NUMBER));
}

/* Whether the change of this number may be one of what has this hash: also when it is not written
 * yet, or not any more. */
static bool may_mean(const struct rhb_cache_memory *memory, uint64_t number, uint64_t hash)
{
    uint64_t word = atomic_load(&memory->changes[number % RHB_CHANGES]);
    return (word & NUMBER) != (number & NUMBER) || (word & ~NUMBER) == (hash & ~NUMBER);
}

bool rhb_cache_was_changed(const struct rhb_cache *cache, uint64_t since, uint64_t hash)
{
    uint64_t changed = atomic_load(&cache->memory->changed);
    if (changed - since >= RHB_CHANGES)
        return true;
    for (uint64_t number = since + 1; number <= changed; number++)
        if (may_mean(cache->memory, number, hash))
            return true;
    return false;
}

/* ---- taking out ---- */

/* It is noted before it is taken out, and whoever stores looks under the lock: so nothing slips
 * between. */
static void forget(struct rhb_cache *cache, const char *uri, size_t len)
{
    struct rhb_bytes scratch = {0};
    note_change(cache->memory, rhb_siphash(&cache->store.head->key, uri, len));
    if (!rhb_cache_lock(cache, LOCK_MS)) {
        atomic_fetch_add(&cache->memory->era, 1);
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
    size_t origin = rhb_uri_origin(uri->data, uri->len);
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
