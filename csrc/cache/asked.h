/* What a request says to a cache, and the key under which its answer is kept (docs/CACHE.md). */
#ifndef RHB_CACHE_ASKED_H
#define RHB_CACHE_ASKED_H

#include "base/bytes.h"
#include "http/forwarded.h"
#include "http/request.h"
#include "said.h"
#include "siphash.h"

/* One request for the cache. */
struct rhb_asker {
    const struct rhb_request *request;
    const struct rhb_peer *peer;
    uint8_t listener;
    bool is_head; /* otherwise GET */
};

struct rhb_asked {
    const struct phr_request_head *head;
    bool is_head;
    struct rhb_directives directives; /* Pragma: no-cache among them (RFC 9111 section 5.4) */
    bool authorized;
    bool conditional; /* If-None-Match or If-Modified-Since */
    bool ranged;      /* Range */
    bool has_keyed;   /* fields that are in the key */
    const char *uri;  /* scheme, host and target: the first part of the key */
    size_t uri_len;
    const char *extra; /* what else the application sees and the answer may depend on */
    size_t extra_len;
    uint64_t hash; /* of uri */
};

/* Reads a request; key is overwritten, and pointers point into it and into the request. False when
 * nothing that is stored may answer it, and its answer must not be stored: it has something that
 * the application may heed and that no key can have, or there is no memory. */
bool rhb_asked_read(struct rhb_asked *asked, const struct rhb_asker *asker,
                    const struct rhb_forwarded_policy *proxies, const struct rhb_hash_key *secret,
                    struct rhb_bytes *key);

/* The scheme, host and target under which the answer to a request is kept, whatever its method; for
 * an absolute form, those of the answers that its origin form has. False when it has no host or
 * there is no memory. */
bool rhb_asked_uri(const struct rhb_asker *asker, const struct rhb_forwarded_policy *proxies,
                   struct rhb_bytes *uri);

/* Whether its Cache-Control has one of these directives. */
bool rhb_asked_directives(const struct phr_request_head *head, unsigned wanted);

/* Whether the client wants nothing but what is stored. On the path of every request that the cache
 * lets pass: few of them have a field of that length. */
static inline bool rhb_asked_only_stored(const struct phr_request_head *head)
{
    for (size_t i = 0; i < head->num_fields; i++)
        if (__builtin_expect(head->fields[i].name_len == sizeof("cache-control") - 1, 0))
            return rhb_asked_directives(head, RHB_ONLY_IF_CACHED);
    return false;
}

/* The length of scheme and host in a URI, in which case does not matter. */
size_t rhb_uri_origin(const char *uri, size_t len);

/* Of what requests have to be alike, as far as it is known before the answer, so that one can wait
 * for the answer to the other. */
uint64_t rhb_asked_likeness(const struct rhb_asked *asked, const struct rhb_hash_key *secret);

#endif
