/* Answers from the cache, and the decision to ask the application. */
#include "base/clock.h"
#include "cache.h"
#include "making.h"
#include <stdlib.h>

/* RFC 9111 section 5.2.1.7 */
static bool refuse_to_ask(const struct rhb_question *question, struct rhb_answer *answer)
{
    static const char status[] = "504 Gateway Timeout", text[] = "Not in the cache\n",
                      type[] = "Content-Type: text/plain; charset=utf-8\r\n";
    rhb_answer_begin(answer, question);
    answer->head.has_length = true;
    answer->head.content_length = answer->len = sizeof(text) - 1;
    answer->data = text;
    return rhb_head_begin(&answer->head, question->out, status, sizeof(status) - 1) ==
               RHB_HEAD_OK &&
           rhb_bytes_append(question->out, type, sizeof(type) - 1);
}

/* ---- asking the application ---- */

static struct rhb_filling *new_filling(struct rhb_cache *cache, const struct rhb_asked *asked,
                                       enum rhb_forward why)
{
    struct rhb_filling *filling = calloc(1, sizeof *filling);
    if (filling == NULL)
        return NULL;
    filling->why = why;
    filling->asked_at = rhb_cache_now(cache);
    filling->uri_len = asked->uri_len;
    filling->hash = asked->hash;
    filling->authorized = asked->authorized;
    if (rhb_bytes_append(&filling->key, asked->uri, asked->uri_len + asked->extra_len))
        return filling;
    rhb_filling_free(cache, filling);
    return NULL;
}

/* Keeps what is stored: for an error of the application, and for its 304. */
static void keep_stale(struct rhb_cache *cache, struct rhb_filling *filling,
                       struct rhb_found *found)
{
    size_t len = (size_t)found->record.body_len;
    bool has_validator = found->record.etag_len > 0 || found->record.modified != INT64_MIN;
    if (!has_validator && found->record.lifetime.if_error == 0)
        return;
    if (!rhb_record_fields(&cache->store, found, &filling->stale_fields) ||
        !rhb_bytes_reserve(&filling->stale_body, len > 0 ? len : 1) ||
        !rhb_store_read(&cache->store, &found->reading, filling->stale_body.data, len))
        return;
    filling->stale_body.len = len;
    filling->stale = found->record;
    filling->has_stale = true;
    filling->adds_validators = has_validator;
}

/* Whether requests like this one may wait for one another. */
static bool is_shared(const struct rhb_asked *asked)
{
    unsigned own = RHB_NO_CACHE | RHB_NO_STORE | RHB_MAX_AGE | RHB_MIN_FRESH;
    return !asked->is_head && !asked->authorized && !asked->conditional && !asked->ranged &&
           !(asked->directives.seen & own);
}

/* What is known of one request. */
struct asking {
    struct rhb_cache *cache;
    struct rhb_asked asked;
    struct rhb_found found;
    bool is_found, may_wait;
    uint64_t tag;
};

/* Whether what comes will be of use to the others who wait for it. */
static bool lasts(const struct rhb_lifetime *lifetime)
{
    return !lifetime->asks_each_time && lifetime->fresh > lifetime->initial_age;
}

static bool may_claim(const struct asking *asking)
{
    return asking->may_wait && is_shared(&asking->asked) &&
           asking->cache->owner < asking->cache->n_wake;
}

static enum rhb_claiming claim(struct asking *asking, struct rhb_fill *fill)
{
    struct rhb_cache *cache = asking->cache;
    uint64_t likeness = rhb_asked_likeness(&asking->asked, &cache->store.head->key);
    return rhb_fills_claim(&cache->memory->fills, likeness, cache->owner, fill);
}

static enum rhb_forward why_of(const struct asking *asking)
{
    const struct rhb_asked *asked = &asking->asked;
    if (asking->is_found)
        return RHB_FORWARD_STALE;
    return rhb_record_has_uri(&asking->cache->store, asked->hash, asked->uri, asked->uri_len)
               ? RHB_FORWARD_MISS
               : RHB_FORWARD_URI_MISS;
}

/* The filling of a request that goes to the application; NULL when nobody is to know. */
static struct rhb_filling *fill_for(struct asking *asking, enum rhb_claiming claiming,
                                    const struct rhb_fill *fill)
{
    bool has_claim = claiming == RHB_CLAIM_MINE;
    struct rhb_filling *filling = NULL;
    if (is_shared(&asking->asked) && (has_claim || asking->is_found))
        filling = new_filling(asking->cache, &asking->asked, why_of(asking));
    if (filling == NULL && has_claim)
        rhb_cache_wake(asking->cache, rhb_fills_end(&asking->cache->memory->fills, fill, true));
    if (filling == NULL)
        return NULL;
    filling->tag = asking->tag;
    filling->has_claim = has_claim;
    if (has_claim)
        filling->claim = *fill;
    filling->has_old = asking->is_found;
    filling->old = asking->found.reading;
    if (asking->is_found)
        keep_stale(asking->cache, filling, &asking->found);
    return filling;
}

/* A stored response that may be used while another one is asked for. */
static enum rhb_verdict answer_and_ask(struct asking *asking, struct rhb_making *making,
                                       const struct rhb_question *question, uint64_t age,
                                       struct rhb_filling **filling)
{
    struct rhb_fill fill;
    struct rhb_store_reading behind_key = asking->found.reading;
    if (!rhb_make_answer(making, question, age))
        return RHB_VERDICT_ASK;
    if (!may_claim(asking) || claim(asking, &fill) != RHB_CLAIM_MINE)
        return RHB_VERDICT_ANSWER;
    asking->found.reading = behind_key;
    *filling = fill_for(asking, RHB_CLAIM_MINE, &fill);
    return *filling != NULL ? RHB_VERDICT_ANSWER_AND_ASK : RHB_VERDICT_ANSWER;
}

static enum rhb_verdict ask_application(struct asking *asking, struct rhb_filling **filling,
                                        struct rhb_fill *fill)
{
    enum rhb_claiming claiming = RHB_CLAIM_NONE;
    if (may_claim(asking) && (!asking->is_found || lasts(&asking->found.record.lifetime)) &&
        !rhb_cache_passes(asking->cache, asking->tag, rhb_now_coarse()))
        claiming = claim(asking, fill);
    if (claiming == RHB_CLAIM_OTHER)
        return RHB_VERDICT_WAIT;
    rhb_cache_count(&asking->cache->counts->misses, 1);
    *filling = fill_for(asking, claiming, fill);
    return RHB_VERDICT_ASK;
}

static enum rhb_verdict decide(struct asking *asking, const struct rhb_question *question,
                               struct rhb_answer *answer, struct rhb_filling **filling,
                               struct rhb_fill *fill)
{
    struct rhb_cache *cache = asking->cache;
    struct rhb_making making = {
        .cache = cache, .asked = &asking->asked, .found = &asking->found, .answer = answer};
    enum rhb_use use = RHB_ASK;
    uint64_t age = 0;
    asking->is_found =
        rhb_record_find(&cache->store, &asking->asked, &asking->found, &cache->scratch) &&
        !rhb_cache_is_out(cache, &asking->found, &asking->asked);
    if (asking->is_found) {
        age = rhb_record_age(&asking->found.record, rhb_now_coarse());
        use = rhb_use_of(&asking->found.record.lifetime, &asking->asked.directives, age);
        making.is_fresh = age < asking->found.record.lifetime.fresh;
        making.may_append = use == RHB_USE && !(asking->asked.directives.seen & RHB_ONLY_IF_CACHED);
    }
    struct rhb_store_reading behind_key = asking->found.reading;
    enum rhb_verdict verdict = RHB_VERDICT_ASK;
    if (use == RHB_USE && rhb_make_answer(&making, question, age))
        verdict = RHB_VERDICT_ANSWER;
    else if (use == RHB_USE_AND_ASK)
        verdict = answer_and_ask(asking, &making, question, age, filling);
    if (verdict != RHB_VERDICT_ASK) {
        if (answer->append == NULL)
            rhb_cache_count_hit(cache, making.is_fresh);
        return verdict;
    }
    asking->found.reading = behind_key;
    if ((asking->asked.directives.seen & RHB_ONLY_IF_CACHED) && refuse_to_ask(question, answer))
        return RHB_VERDICT_ANSWER;
    return ask_application(asking, filling, fill);
}

enum rhb_verdict rhb_cache_ask(struct rhb_cache *cache, const struct rhb_asker *asker,
                               bool may_wait, const struct rhb_question *question,
                               struct rhb_answer *answer, struct rhb_filling **filling,
                               struct rhb_fill *fill)
{
    struct asking asking; /* not zeroed: it is large, and `found` is set when a record is */
    asking.cache = cache;
    asking.may_wait = may_wait;
    *filling = NULL;
    if (!rhb_asked_read(&asking.asked, asker, cache->proxies, &cache->store.head->key, &cache->key))
        return RHB_VERDICT_ASK;
    rhb_cache_sweep(cache);
    asking.tag = rhb_cache_tag(cache, asker->request);
    return decide(&asking, question, answer, filling, fill);
}
