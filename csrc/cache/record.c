#include "record.h"
#include "vary.h"

enum { SAME_URI = 32 /* records of one URI */ };

static size_t key_len(const struct rhb_record *record)
{
    return (size_t)record->uri_len + record->extra_len + record->vary_len;
}

bool rhb_record_read_key(const struct rhb_store *store, struct rhb_found *found,
                         struct rhb_bytes *scratch)
{
    struct rhb_record *record = &found->record;
    if (!rhb_store_read(store, &found->reading, record, sizeof(*record)) ||
        key_len(record) > RHB_RECORD_KEY || record->fields_len > RHB_RECORD_FIELDS)
        return false;
    scratch->len = 0;
    if (!rhb_bytes_reserve(scratch, key_len(record)) ||
        !rhb_store_read(store, &found->reading, scratch->data, key_len(record)))
        return false;
    scratch->len = key_len(record);
    return true;
}

static bool has_key(const struct rhb_record *record, const char *key, const char *uri,
                    size_t uri_len, const char *extra, size_t extra_len)
{
    return record->uri_len == uri_len && record->extra_len == extra_len &&
           memcmp(key, uri, uri_len) == 0 && memcmp(key + uri_len, extra, extra_len) == 0;
}

bool rhb_record_find(const struct rhb_store *store, const struct rhb_asked *asked,
                     struct rhb_found *found, struct rhb_bytes *scratch)
{
    const struct rhb_record *record = &found->record;
    rhb_store_begin(&found->reading);
    while (rhb_store_next(store, asked->hash, &found->reading)) {
        if (!rhb_record_read_key(store, found, scratch))
            continue;
        const char *vary = scratch->data + record->uri_len + record->extra_len;
        if (has_key(record, scratch->data, asked->uri, asked->uri_len, asked->extra,
                    asked->extra_len) &&
            rhb_vary_matches(vary, record->vary_len, asked->head))
            return true;
    }
    return false;
}

bool rhb_record_fields(const struct rhb_store *store, struct rhb_found *found,
                       struct rhb_bytes *fields)
{
    size_t len = found->record.fields_len;
    if (!rhb_bytes_reserve(fields, len) ||
        !rhb_store_read(store, &found->reading, fields->data + fields->len, len))
        return false;
    fields->len += len;
    return true;
}

bool rhb_record_has_uri(const struct rhb_store *store, uint64_t hash, const char *uri, size_t len)
{
    struct rhb_found found;
    struct rhb_bytes key = {0};
    bool has = false;
    rhb_store_begin(&found.reading);
    while (!has && rhb_store_next(store, hash, &found.reading))
        has = rhb_record_read_key(store, &found, &key) && found.record.uri_len == len &&
              memcmp(key.data, uri, len) == 0;
    rhb_bytes_free(&key);
    return has;
}

/* ---- under the lock ---- */

/* Whether the record answers exactly the requests that the given one does. */
static bool is_replaced(const struct rhb_record *record, const struct rhb_to_store *given,
                        const char *key)
{
    if (!has_key(record, key, given->uri, given->uri_len, given->extra, given->extra_len))
        return false;
    if (record->vary_len != given->vary_len)
        return false;
    return given->vary_len == 0 ||
           memcmp(key + record->uri_len + record->extra_len, given->vary, given->vary_len) == 0;
}

static void remove_replaced(struct rhb_store *store, const struct rhb_to_store *given,
                            struct rhb_bytes *scratch)
{
    struct rhb_found found;
    rhb_store_begin_locked(store, &found.reading);
    while (rhb_store_next(store, given->hash, &found.reading)) {
        if (rhb_record_read_key(store, &found, scratch) &&
            !is_replaced(&found.record, given, scratch->data))
            continue;
        rhb_store_remove(store, &found.reading);
        rhb_store_begin_locked(store, &found.reading); /* its successor is not known any more */
    }
}

/* Which of the records of a URI is of the least use. They come newest first. */
struct worst {
    struct rhb_store_reading stale, unused, newest;
    int count;
    bool has_stale, has_unused;
};

static void look_at(struct worst *worst, const struct rhb_store *store,
                    const struct rhb_found *found, uint64_t now)
{
    const struct rhb_record *record = &found->record;
    if (worst->count++ == 0)
        worst->newest = found->reading;
    if (!worst->has_unused && !rhb_store_was_used(store, &found->reading)) {
        worst->has_unused = true;
        worst->unused = found->reading;
    }
    if (rhb_record_age(record, now) >= record->lifetime.fresh) {
        worst->has_stale = true;
        worst->stale = found->reading; /* the oldest */
    }
}

/* Of too many records of a URI, takes out one that is stale, or else the newest that nobody has
 * used yet: a client that invents values of a field in the key throws out its own records only. */
static void make_room(struct rhb_store *store, const struct rhb_to_store *given)
{
    struct rhb_found found;
    struct worst worst = {.count = 0};
    rhb_store_begin_locked(store, &found.reading);
    while (rhb_store_next(store, given->hash, &found.reading)) {
        struct rhb_found copy = found;
        if (rhb_store_read(store, &copy.reading, &copy.record, sizeof(copy.record)))
            look_at(&worst, store, &copy, given->head.stored_at);
    }
    if (worst.count < SAME_URI)
        return;
    rhb_store_remove(store, worst.has_stale    ? &worst.stale
                            : worst.has_unused ? &worst.unused
                                               : &worst.newest);
}

bool rhb_record_fits(const struct rhb_store *store, const struct rhb_to_store *given)
{
    uint64_t key = (uint64_t)given->uri_len + given->extra_len + given->vary_len;
    return key <= RHB_RECORD_KEY && given->fields_len <= RHB_RECORD_FIELDS &&
           sizeof(struct rhb_record) + key + given->fields_len + given->body_len <=
               rhb_store_largest(store);
}

bool rhb_record_store(struct rhb_store *store, const struct rhb_to_store *given,
                      struct rhb_bytes *scratch)
{
    struct rhb_record record = given->head;
    if (!rhb_record_fits(store, given))
        return false;
    record.uri_len = (uint32_t)given->uri_len;
    record.extra_len = (uint32_t)given->extra_len;
    record.vary_len = (uint32_t)given->vary_len;
    record.fields_len = (uint32_t)given->fields_len;
    record.body_len = given->body_len;
    struct rhb_store_part parts[] = {
        {&record, sizeof(record)},          {given->uri, given->uri_len},
        {given->extra, given->extra_len},   {given->vary, given->vary_len},
        {given->fields, given->fields_len}, {given->body, given->body_len},
    };
    remove_replaced(store, given, scratch);
    make_room(store, given);
    return rhb_store_add(store, given->hash, parts, sizeof(parts) / sizeof(parts[0]));
}

size_t rhb_record_forget(struct rhb_store *store, const struct rhb_hash_key *secret,
                         const char *uri, size_t len, struct rhb_bytes *scratch)
{
    uint64_t hash = rhb_siphash(secret, uri, len);
    struct rhb_found found;
    size_t forgotten = 0;
    rhb_store_begin_locked(store, &found.reading);
    while (rhb_store_next(store, hash, &found.reading)) {
        bool read = rhb_record_read_key(store, &found, scratch);
        if (read && (found.record.uri_len != len || memcmp(scratch->data, uri, len) != 0))
            continue;
        rhb_store_remove(store, &found.reading);
        rhb_store_begin_locked(store, &found.reading);
        forgotten++;
    }
    return forgotten;
}
