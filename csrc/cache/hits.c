/* Answers from the cache, and the decision to ask the application. */
#include "base/clock.h"
#include "cache.h"
#include "http/content.h"
#include "http/field_name.h"
#include "status_field.h"
#include <stdlib.h>

enum { SPARE_SIZE = 1024 * 1024 /* bytes of a body whose memory is kept for the next one */ };

/* ---- the memory of bodies ---- */

static struct rhb_held_body *take_body(struct rhb_cache *cache, size_t len)
{
    struct rhb_held_body *body = cache->spare;
    cache->spare = NULL;
    if (body == NULL && (body = calloc(1, sizeof *body)) == NULL)
        return NULL;
    body->cache = cache;
    body->bytes.len = 0;
    if (rhb_bytes_reserve(&body->bytes, len > 0 ? len : 1))
        return body;
    rhb_bytes_free(&body->bytes);
    free(body);
    return NULL;
}

static void give_body(void *held)
{
    struct rhb_held_body *body = held;
    struct rhb_cache *cache = body->cache;
    if (cache->spare == NULL && body->bytes.cap <= SPARE_SIZE) {
        cache->spare = body;
        return;
    }
    rhb_bytes_free(&body->bytes);
    free(body);
}

/* ---- the head of an answer ---- */

static bool put_text(struct rhb_bytes *out, const char *text)
{
    return rhb_bytes_append(out, text, strlen(text));
}

/* RFC 9110 section 15.4.5: the fields of a 304. */
static bool is_for_304(const struct rhb_text *name)
{
    static const char *const names[] = {
        "date", "etag", "vary", "expires", "last-modified", "cache-control", "content-location"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (rhb_name_is(name->at, name->len, names[i]))
            return true;
    return false;
}

/* Puts a status line in the place of the stored one, and of its fields those of a 304 or all.
 * at: where they begin in `out`. */
static bool change_status(struct rhb_bytes *out, size_t at, const char *line, bool all)
{
    struct rhb_bytes changed = {0};
    struct rhb_field_line field;
    const char *end = out->data + out->len;
    const char *next = memchr(out->data + at, '\n', out->len - at);
    next = next != NULL ? next + 1 : end;
    bool put = put_text(&changed, line);
    while (put && rhb_next_field(&next, end, &field))
        if (all || is_for_304(&field.name))
            put = rhb_bytes_append(&changed, field.line, (size_t)(field.behind - field.line));
    out->len = at;
    put = put && rhb_bytes_append(out, changed.data, changed.len);
    rhb_bytes_free(&changed);
    return put;
}

/* What is made of a stored response. */
struct making {
    struct rhb_cache *cache;
    const struct rhb_asked *asked;
    struct rhb_found *found;
    struct rhb_answer *answer;
    struct rhb_part range; /* of the body, which is sent */
    int status;
};

/* RFC 9111 section 4.3.2: without Last-Modified the Date counts, but not for If-Range. */
static struct rhb_validators validators_of(const struct rhb_record *record, const char *fields)
{
    int64_t modified = record->modified != INT64_MIN ? record->modified : record->date;
    return (struct rhb_validators){.etag = fields + record->etag_at,
                                   .etag_len = record->etag_len,
                                   .has_modified = true,
                                   .changes = record->date <= modified,
                                   .modified = modified};
}

static bool put_special_head(struct making *making, struct rhb_bytes *out)
{
    const struct rhb_record *record = &making->found->record;
    struct rhb_validators validators = validators_of(record, out->data);
    if (record->status != 200)
        return true;
    making->status =
        rhb_content_status(&validators, record->body_len, making->asked->head, &making->range);
    switch (making->status) {
    case 304:
        making->range.length = 0;
        return change_status(out, 0, "HTTP/1.1 304 Not Modified\r\n", false);
    case 206:
        return change_status(out, 0, "HTTP/1.1 206 Partial Content\r\n", true) &&
               rhb_content_range_put(out, &making->range, record->body_len);
    case 416:
        making->range.length = 0;
        return change_status(out, 0, "HTTP/1.1 416 Range Not Satisfiable\r\n", false) &&
               rhb_content_range_put(out, NULL, record->body_len);
    default:
        return true;
    }
}

static bool put_head(struct making *making, uint64_t age)
{
    struct rhb_response_head *head = &making->answer->head;
    const struct rhb_record *record = &making->found->record;
    if (!rhb_record_fields(&making->cache->store, making->found, head->out))
        return false;
    if ((making->asked->conditional || making->asked->ranged) &&
        !put_special_head(making, head->out))
        return false;
    head->status = making->status;
    head->has_date = true;
    head->has_server = record->has_server && making->status != 304 && making->status != 416;
    head->has_length = making->status != 304;
    head->content_length = making->range.length;
    return rhb_put_hit_fields(head->out, record, age, 0);
}

/* The body follows the fields in the record, so what stands before the range is read too. */
static bool put_body(struct making *making)
{
    const struct rhb_part *range = &making->range;
    size_t len = (size_t)(range->first + range->length);
    if (range->length == 0 || making->asked->is_head)
        return true;
    struct rhb_held_body *body = take_body(making->cache, len);
    if (body == NULL)
        return false;
    if (!rhb_store_read(&making->cache->store, &making->found->reading, body->bytes.data, len)) {
        give_body(body);
        return false;
    }
    making->answer->data = body->bytes.data + range->first;
    making->answer->len = (size_t)range->length;
    making->answer->release = give_body;
    making->answer->held = body;
    return true;
}

static bool make_answer(struct making *making, const struct rhb_question *question, uint64_t age)
{
    rhb_answer_begin(making->answer, question);
    making->status = making->found->record.status;
    making->range = (struct rhb_part){0, making->found->record.body_len};
    if (!put_head(making, age) || !put_body(making))
        return false;
    rhb_store_touch(&making->cache->store, &making->found->reading);
    return true;
}

/* RFC 9111 section 5.2.1.7 */
static bool refuse_to_ask(const struct rhb_question *question, struct rhb_answer *answer)
{
    static const char status[] = "504 Gateway Timeout", text[] = "Not in the cache\n";
    rhb_answer_begin(answer, question);
    answer->head.has_length = true;
    answer->head.content_length = answer->len = sizeof(text) - 1;
    answer->data = text;
    return rhb_head_begin(&answer->head, question->out, status, sizeof(status) - 1) ==
               RHB_HEAD_OK &&
           put_text(question->out, "Content-Type: text/plain; charset=utf-8\r\n");
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
static enum rhb_verdict answer_and_ask(struct asking *asking, struct making *making,
                                       const struct rhb_question *question, uint64_t age,
                                       struct rhb_filling **filling)
{
    struct rhb_fill fill;
    struct rhb_found again = asking->found;
    if (!make_answer(making, question, age))
        return RHB_VERDICT_ASK;
    if (!may_claim(asking) || claim(asking, &fill) != RHB_CLAIM_MINE)
        return RHB_VERDICT_ANSWER;
    asking->found = again;
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
    struct making making = {cache, &asking->asked, &asking->found, answer, {0, 0}, 0};
    enum rhb_use use = RHB_ASK;
    uint64_t age = 0;
    asking->is_found =
        rhb_record_find(&cache->store, &asking->asked, &asking->found, &cache->scratch) &&
        !rhb_cache_is_out(cache, &asking->found, &asking->asked);
    if (asking->is_found) {
        age = rhb_record_age(&asking->found.record, rhb_now_coarse());
        use = rhb_use_of(&asking->found.record.lifetime, &asking->asked.directives, age);
    }
    struct rhb_found again = asking->found;
    enum rhb_verdict verdict = RHB_VERDICT_ASK;
    if (use == RHB_USE && make_answer(&making, question, age))
        verdict = RHB_VERDICT_ANSWER;
    else if (use == RHB_USE_AND_ASK)
        verdict = answer_and_ask(asking, &making, question, age, filling);
    if (verdict != RHB_VERDICT_ASK) {
        bool is_fresh = age < asking->found.record.lifetime.fresh;
        rhb_cache_count(is_fresh ? &cache->counts->hits : &cache->counts->stale, 1);
        return verdict;
    }
    asking->found = again;
    if ((asking->asked.directives.seen & RHB_ONLY_IF_CACHED) && refuse_to_ask(question, answer))
        return RHB_VERDICT_ANSWER;
    return ask_application(asking, filling, fill);
}

enum rhb_verdict rhb_cache_ask(struct rhb_cache *cache, const struct rhb_asker *asker,
                               bool may_wait, const struct rhb_question *question,
                               struct rhb_answer *answer, struct rhb_filling **filling,
                               struct rhb_fill *fill)
{
    struct asking asking = {.cache = cache, .may_wait = may_wait};
    *filling = NULL;
    if (!rhb_asked_read(&asking.asked, asker, cache->proxies, &cache->store.head->key, &cache->key))
        return RHB_VERDICT_ASK;
    rhb_cache_sweep(cache);
    asking.tag = rhb_cache_tag(cache, asker->request);
    return decide(&asking, question, answer, filling, fill);
}
