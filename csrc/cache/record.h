/* What is kept of a response: this head, the key, the values of its Vary fields, status line and
 * fields, the body. */
#ifndef RHB_CACHE_RECORD_H
#define RHB_CACHE_RECORD_H

#include "asked.h"
#include "freshness.h"
#include "store.h"

enum {
    RHB_RECORD_KEY = 16384,   /* bytes of key and Vary values, at most */
    RHB_RECORD_FIELDS = 65536 /* bytes of status line and fields, at most */
};

/* So much had happened in the cache (cache.h). */
struct rhb_moment {
    uint64_t changed, purges, era;
};

struct rhb_record {
    struct rhb_moment asked_at;
    uint64_t stored_at; /* coarse monotonic ns */
    int64_t date;       /* seconds since 1970, as its Date says */
    int64_t modified;   /* likewise; INT64_MIN: no Last-Modified */
    uint64_t body_len;
    uint32_t uri_len, extra_len, vary_len, fields_len;
    uint32_t etag_at, etag_len; /* in the fields; 0: none */
    struct rhb_lifetime lifetime;
    uint16_t status;
    bool has_server;
};

/* A record that was found: its head, and where its fields are to be read from. */
struct rhb_found {
    struct rhb_store_reading reading;
    struct rhb_record record;
};

/* Finds the record that answers a request, fresh or not. scratch: overwritten. */
bool rhb_record_find(const struct rhb_store *store, const struct rhb_asked *asked,
                     struct rhb_found *found, struct rhb_bytes *scratch);

/* Appends status line and fields of a record that was just found to a buffer. The body can be read
 * next (rhb_store_read). False when it is not there any more. */
bool rhb_record_fields(const struct rhb_store *store, struct rhb_found *found,
                       struct rhb_bytes *fields);

/* Whether there is any record of this scheme, host and target. */
bool rhb_record_has_uri(const struct rhb_store *store, uint64_t hash, const char *uri, size_t len);

/* Its age in seconds (RFC 9111 section 4.2.3). */
static inline uint64_t rhb_record_age(const struct rhb_record *record, uint64_t now)
{
    uint64_t resident = now > record->stored_at ? now - record->stored_at : 0;
    return record->lifetime.initial_age + resident / UINT64_C(1000000000);
}

/* What is to be stored. */
struct rhb_to_store {
    const char *uri, *extra, *vary, *fields, *body;
    size_t uri_len, extra_len, vary_len, fields_len, body_len;
    uint64_t hash;
    struct rhb_record head; /* but for the lengths */
};

/* Whether it is not too large for the store. */
bool rhb_record_fits(const struct rhb_store *store, const struct rhb_to_store *given);

/* Puts it into the store, in place of what answers the same requests. False when the store does not
 * take it. Under the lock. */
bool rhb_record_store(struct rhb_store *store, const struct rhb_to_store *given,
                      struct rhb_bytes *scratch);

/* Takes out all records of this scheme, host and target. Returns how many. Under the lock. */
size_t rhb_record_forget(struct rhb_store *store, const struct rhb_hash_key *secret,
                         const char *uri, size_t len, struct rhb_bytes *scratch);

/* Reads a record's head and then its key, URI first, to scratch. For walks over all records. */
bool rhb_record_read_key(const struct rhb_store *store, struct rhb_found *found,
                         struct rhb_bytes *scratch);

#endif
