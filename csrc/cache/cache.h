/* The cache as one loop has it: what it answers, and what it asks the application for. It knows
 * nothing of connections (loop/caching.h does).
 *
 * Files: directives.c, said.c and freshness.c are the rules; asked.c, vary.c and record.c what is
 * kept under which key; store.c, store_write.c and repair.c the memory; fills.c who asks the
 * application; hits.c decides, making.c makes answers, filling.c stores what the application has
 * answered, or does not (refusing.c), purging.c and changing.c take it out again. docs/CACHE.md is
 * the description.
 */
#ifndef RHB_CACHE_H
#define RHB_CACHE_H

#include "http/answer.h"
#include "memory.h"
#include "record.h"
#include "tag.h"

enum {
    RHB_PASSES = 1024,
    RHB_STORING_MS = 20 /* that storing waits for another worker, at most */
};

/* Counters of a loop; on the board. Atomic, since without the GIL the threads of the application
 * count too. */
struct rhb_cache_counts {
    _Atomic uint64_t hits;    /* answers from the cache: fresh, */
    _Atomic uint64_t stale;   /* or stale */
    _Atomic uint64_t misses;  /* requests that could have been answered, and were not */
    _Atomic uint64_t stored;  /* responses */
    _Atomic uint64_t evicted; /* others, to make space for them */
};

static inline void rhb_cache_count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* A URI whose last response was not to be stored: its requests do not wait for one another. They
 * are not even looked up when nothing is stored for it. What is seen of two passes at once does no
 * harm, so the words are only atomic each. */
struct rhb_pass {
    _Atomic uint64_t tag;
    _Atomic uint64_t until;  /* monotonic ns */
    _Atomic uint64_t not_up; /* until then it is not looked up */
    uint64_t reserved;       /* a multiple of it is a shift */
};

/* A body that is being sent. */
struct rhb_held_body {
    struct rhb_bytes bytes;
    struct rhb_cache *cache;
};

struct rhb_cache {
    struct rhb_cache_memory *memory; /* shared */
    struct rhb_purge_desk *desk;     /* shared */
    struct rhb_store store;          /* shared */
    const struct rhb_forwarded_policy *proxies;
    size_t owner;     /* of this loop */
    uint64_t largest; /* bytes of a body that is stored */
    struct rhb_tag_key tags;
    struct rhb_cache_counts *counts;
    const int *wake; /* an eventfd for each loop. Not owned. */
    size_t n_wake;
    atomic_bool blocked;           /* the lock could not be had the last time */
    struct rhb_bytes key, scratch; /* used again and again */
    struct rhb_held_body *spare;   /* likewise, when it is not in use */
    struct rhb_store_reading body; /* of an answer whose head is not complete */
    bool body_is_fresh;
    struct rhb_pass passes[RHB_PASSES];
};

static inline void rhb_cache_count_hit(const struct rhb_cache *cache, bool is_fresh)
{
    rhb_cache_count(is_fresh ? &cache->counts->hits : &cache->counts->stale, 1);
}

/* A cache of this memory, which the caller keeps. NULL without memory for it, or when no cache was
 * made there. counts, proxies, owner, largest and wake are the caller's to set. */
struct rhb_cache *rhb_cache_open(void *memory, size_t size);
void rhb_cache_free(struct rhb_cache *cache);

/* Shows operators how much is in the store. Under its lock. */
static inline void rhb_cache_show(struct rhb_cache *cache)
{
    const struct rhb_store_head *head = cache->store.head;
    atomic_store_explicit(&cache->desk->bytes, atomic_load(&head->bytes), memory_order_relaxed);
    atomic_store_explicit(&cache->desk->records, atomic_load(&head->records), memory_order_relaxed);
}

/* Takes the lock of the store. Who holds it may have been stopped: when it could not be had for so
 * many milliseconds, nobody waits for it again before it can. */
bool rhb_cache_lock(struct rhb_cache *cache, unsigned patience_ms);

/* When an application is asked: how much was changed by unsafe requests before, how many purges had
 * been asked for, and the era. What a record has been stored from, too. */
static inline struct rhb_moment rhb_cache_now(const struct rhb_cache *cache)
{
    return (struct rhb_moment){atomic_load(&cache->memory->changed),
                               atomic_load(&cache->desk->asked), atomic_load(&cache->memory->era)};
}

/* Wakes the loops that these bits name (fills.h). */
void rhb_cache_wake(const struct rhb_cache *cache, uint64_t loops);

/* ---- the requests that no key is made for ---- */

/* Of target and host. */
static inline uint64_t rhb_cache_tag(const struct rhb_cache *cache,
                                     const struct rhb_request *request)
{
    return rhb_tag_of(&cache->tags, request);
}

static inline struct rhb_pass *rhb_cache_pass(struct rhb_cache *cache, uint64_t tag)
{
    return &cache->passes[tag % RHB_PASSES];
}

static inline bool rhb_cache_passes(struct rhb_cache *cache, uint64_t tag, uint64_t now)
{
    const struct rhb_pass *pass = rhb_cache_pass(cache, tag);
    return atomic_load_explicit(&pass->tag, memory_order_relaxed) == tag &&
           atomic_load_explicit(&pass->until, memory_order_relaxed) > now;
}

static inline void rhb_cache_pass_no_more(struct rhb_cache *cache, uint64_t tag)
{
    struct rhb_pass *pass = rhb_cache_pass(cache, tag);
    if (atomic_load_explicit(&pass->tag, memory_order_relaxed) != tag)
        return;
    atomic_store_explicit(&pass->not_up, 0, memory_order_relaxed);
    atomic_store_explicit(&pass->until, 0, memory_order_relaxed);
}

/* Whether that is all there is to know, so that the request need not be looked up. */
static inline bool rhb_cache_passes_by(struct rhb_cache *cache, uint64_t tag, uint64_t now)
{
    const struct rhb_pass *pass = rhb_cache_pass(cache, tag);
    return atomic_load_explicit(&pass->tag, memory_order_relaxed) == tag &&
           atomic_load_explicit(&pass->not_up, memory_order_relaxed) > now;
}

/* ---- the question to the application ---- */

/* Why the application is asked (RFC 9211 section 2.2). A miss: something may be stored for the URI,
 * as with other values of its Vary fields. */
enum rhb_forward { RHB_FORWARD_MISS, RHB_FORWARD_URI_MISS, RHB_FORWARD_STALE, RHB_FORWARD_REQUEST };

/* A request that is with the application, and its response, as far as the cache cares. */
struct rhb_filling {
    bool has_claim;
    struct rhb_fill claim;
    enum rhb_forward why;
    bool storing; /* the response is being gathered */
    bool adds_validators;

    struct rhb_moment asked_at;

    struct rhb_bytes key; /* URI and the rest */
    size_t uri_len;
    uint64_t hash, tag;
    bool authorized;

    /* what is stored, and may be used again */
    bool has_old;
    struct rhb_store_reading old; /* where it is */
    bool has_stale;               /* a copy of it: */
    struct rhb_record stale;
    struct rhb_bytes stale_fields, stale_body;

    /* the response */
    int64_t in_hand; /* bytes of the body, when all of it comes at once; otherwise -1 */
    struct rhb_record head;
    struct rhb_bytes fields, vary, body;
};

enum rhb_verdict {
    RHB_VERDICT_ANSWER,         /* *answer is the answer */
    RHB_VERDICT_ANSWER_AND_ASK, /* likewise, and *filling is to be asked for without a client */
    RHB_VERDICT_ASK,            /* the application is asked; *filling: NULL if nobody is to know */
    RHB_VERDICT_WAIT            /* *fill says for what */
};

/* What is done with a GET or HEAD. may_wait: whether it may wait, and may make others wait. */
enum rhb_verdict rhb_cache_ask(struct rhb_cache *cache, const struct rhb_asker *asker,
                               bool may_wait, const struct rhb_question *question,
                               struct rhb_answer *answer, struct rhb_filling **filling,
                               struct rhb_fill *fill);

/* ---- the response of the application: filling.c ---- */

/* A request that has no filling, whose response may be stored all the same. asked_at: before the
 * application was asked. NULL when it may not. */
struct rhb_filling *rhb_filling_of(struct rhb_cache *cache, const struct rhb_asker *asker,
                                   const struct rhb_moment *asked_at);

enum rhb_filled {
    RHB_FILLED_NOT,      /* it is not stored */
    RHB_FILLED_GATHERS,  /* rhb_filling_body, and then rhb_filling_complete */
    RHB_FILLED_REPLACED, /* *written is the stored response now, whose body is filling->stale_body
                          */
};

/* The response's status line and fields have been written, but for those of the server.
 * filling->in_hand has been set. Cache-Status says `stored` only of a body in hand that fits: of
 * all others it is not known yet. */
enum rhb_filled rhb_filling_head(struct rhb_cache *cache, struct rhb_filling *filling,
                                 const struct phr_request_head *request,
                                 struct rhb_response_head *written, const char *date);

/* A part of the body; false when it is too large, and gathered no more. */
bool rhb_filling_body(struct rhb_cache *cache, struct rhb_filling *filling, const char *data,
                      size_t len);

/* The body is complete: stores the response, and lets those go on that wait for it. */
void rhb_filling_complete(struct rhb_cache *cache, struct rhb_filling *filling);

/* ---- a response that is not stored: refusing.c ---- */

/* The response is none to store: gives up a claim, if there is one. Whoever waits asks too, and for
 * a while requests for this URI do not wait. */
void rhb_filling_refuse(struct rhb_cache *cache, struct rhb_filling *filling);

/* It takes the place of an older one, but cannot be stored: the older one is not to be used again,
 * for instance when the application fails later. */
void rhb_filling_supersede(struct rhb_cache *cache, struct rhb_filling *filling);

/* Gives up a claim, if there is one. stored: whoever waits looks again; otherwise they all ask. */
void rhb_filling_end_claim(struct rhb_cache *cache, struct rhb_filling *filling, bool stored);

/* The value of a field of the stored response, of which the application is asked whether it is
 * still right; its len is 0 when there is none. */
struct rhb_text rhb_filling_field(const struct rhb_filling *filling, const char *lower);

/* Frees it, also in the middle. */
void rhb_filling_free(struct rhb_cache *cache, struct rhb_filling *filling);

/* ---- taking out: purging.c, changing.c ---- */

/* Takes a step in carrying out what was purged, of about half a millisecond, if there is
 * something to do and nobody else writes. */
void rhb_cache_sweep(struct rhb_cache *cache);

/* Whether a record that was just found must not be answered any more, although it is still there.
 */
bool rhb_cache_is_out(struct rhb_cache *cache, const struct rhb_found *found,
                      const struct rhb_asked *asked);

/* Whether something has happened since that moment to a response with this URI and these fields:
 * a purge means it, or an unsafe request has changed it. */
bool rhb_cache_was_purged(const struct rhb_cache *cache, uint64_t since, const char *uri,
                          size_t len, const struct rhb_bytes *fields);
bool rhb_cache_was_changed(const struct rhb_cache *cache, uint64_t since, uint64_t hash);

/* An unsafe request has succeeded (RFC 9111 section 4.4): its URI, and those in Location and
 * Content-Location, if they are of the same host. fields: of the response. */
void rhb_cache_invalidate(struct rhb_cache *cache, const struct rhb_asker *asker,
                          const char *fields, size_t len);

#endif
