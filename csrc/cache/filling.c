/* What the application has answered goes into the cache, or what is in the cache takes its place.
 */
#include "base/clock.h"
#include "cache.h"
#include "http/field_name.h"
#include "not_modified.h"
#include "status_field.h"
#include "vary.h"
#include <stdlib.h>

static int64_t wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

/* Whether nothing was taken out meanwhile that the response may be a part of. */
static bool is_current(const struct rhb_cache *cache, const struct rhb_filling *filling,
                       const struct rhb_bytes *fields)
{
    const struct rhb_moment *asked_at = &filling->asked_at;
    return asked_at->era == atomic_load(&cache->memory->era) &&
           !rhb_cache_was_changed(cache, asked_at->changed, filling->hash) &&
           !rhb_cache_was_purged(cache, asked_at->purges, filling->key.data, filling->uri_len,
                                 fields);
}

void rhb_filling_free(struct rhb_cache *cache, struct rhb_filling *filling)
{
    if (filling == NULL)
        return;
    rhb_filling_end_claim(cache, filling, true); /* it broke: another one is to ask */
    rhb_bytes_free(&filling->key);
    rhb_bytes_free(&filling->stale_fields);
    rhb_bytes_free(&filling->stale_body);
    rhb_bytes_free(&filling->fields);
    rhb_bytes_free(&filling->vary);
    rhb_bytes_free(&filling->body);
    free(filling);
}

/* A directive of the request may have kept a fresh response from being used (RFC 9211 section 2.2).
 * Of all others it is not known what is stored. */
static enum rhb_forward why_asked(struct rhb_cache *cache, const struct rhb_asked *asked)
{
    struct rhb_found found;
    struct rhb_bytes scratch = {0};
    const struct rhb_record *record = &found.record;
    enum rhb_forward why = RHB_FORWARD_MISS;
    if (asked->directives.seen & (RHB_NO_CACHE | RHB_MAX_AGE | RHB_MIN_FRESH) &&
        rhb_record_find(&cache->store, asked, &found, &scratch) &&
        !rhb_cache_is_out(cache, &found, asked))
        why = !record->lifetime.asks_each_time &&
                      rhb_record_age(record, rhb_now_coarse()) < record->lifetime.fresh
                  ? RHB_FORWARD_REQUEST
                  : RHB_FORWARD_STALE;
    rhb_bytes_free(&scratch);
    return why;
}

struct rhb_filling *rhb_filling_of(struct rhb_cache *cache, const struct rhb_asker *asker,
                                   const struct rhb_moment *asked_at)
{
    struct rhb_asked asked;
    struct rhb_bytes key = {0};
    struct rhb_filling *filling = NULL;
    if (!asker->is_head &&
        rhb_asked_read(&asked, asker, cache->proxies, &cache->store.head->key, &key) &&
        !(asked.directives.seen & RHB_NO_STORE))
        filling = calloc(1, sizeof *filling);
    if (filling == NULL) {
        rhb_bytes_free(&key);
        return NULL;
    }
    filling->why = why_asked(cache, &asked);
    filling->key = key;
    filling->asked_at = *asked_at;
    filling->uri_len = asked.uri_len;
    filling->hash = asked.hash;
    filling->tag = rhb_cache_tag(cache, asker->request);
    filling->authorized = asked.authorized;
    return filling;
}

/* ---- the head of the response ---- */

static const char *why_of(enum rhb_forward why)
{
    static const char *const words[] = {"miss", "uri-miss", "stale", "request"};
    return words[why];
}

static size_t line_len(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    return end != NULL ? (size_t)(end + 1 - text) : len;
}

static bool put_date(struct rhb_bytes *fields, const char *date)
{
    return rhb_bytes_append(fields, "Date: ", 6) && rhb_bytes_append(fields, date, RHB_DATE_LEN) &&
           rhb_bytes_append(fields, "\r\n", 2);
}

static struct rhb_text value_of(const struct rhb_bytes *fields, const char *lower)
{
    const char *at = fields->data + line_len(fields->data, fields->len);
    return rhb_field_value(at, fields->data + fields->len, lower);
}

static bool has_field(const struct rhb_bytes *fields, const char *lower)
{
    return value_of(fields, lower).at != NULL;
}

struct rhb_text rhb_filling_field(const struct rhb_filling *filling, const char *lower)
{
    if (!filling->has_stale || !filling->adds_validators)
        return (struct rhb_text){NULL, 0};
    return value_of(&filling->stale_fields, lower);
}

/* Fills the head of the record from the fields that are stored. */
static void describe(struct rhb_filling *filling, const struct rhb_said *said, int status,
                     int64_t now)
{
    struct rhb_record *head = &filling->head;
    head->asked_at = filling->asked_at;
    head->stored_at = rhb_now_coarse();
    head->date = said->has_date ? said->date : now;
    head->modified = said->modified;
    head->status = (uint16_t)status;
    head->has_server = has_field(&filling->fields, "server");
    head->etag_len = (uint32_t)said->etag.len;
    head->etag_at = said->etag.at != NULL ? (uint32_t)(said->etag.at - filling->fields.data) : 0;
}

/* What is meant for this cache alone, and the Age, which has passed into the lifetime. */
static void strip_stored(struct rhb_bytes *fields)
{
    size_t line = line_len(fields->data, fields->len);
    fields->len = line + rhb_said_strip(fields->data + line, fields->len - line, true);
}

/* Starts to gather a response with these fields. False when it may not be stored. */
static bool gather(struct rhb_filling *filling, const struct phr_request_head *request, int status,
                   const char *date)
{
    struct rhb_bytes *fields = &filling->fields;
    struct rhb_said said;
    int64_t now = wall_seconds();
    size_t line = line_len(fields->data, fields->len);
    rhb_said_read(&said, fields->data + line, fields->len - line, now);
    if (!rhb_may_store(&said, status, filling->authorized, now, &filling->head.lifetime))
        return false;
    strip_stored(fields);
    if (!has_field(fields, "date") && !put_date(fields, date))
        return false;
    struct rhb_directives directives = said.directives;
    rhb_said_read(&said, fields->data + line, fields->len - line, now);
    said.directives = directives;
    describe(filling, &said, status, now);
    filling->vary.len = 0;
    return rhb_vary_write(&filling->vary, fields->data + line, fields->len - line, request);
}

/* What the application has written is the stored response from now on; its framing is the
 * server's. */
static bool replace(struct rhb_filling *filling, struct rhb_response_head *written,
                    const struct rhb_bytes *fields, const struct rhb_record *record, int status)
{
    uint64_t age = rhb_record_age(record, rhb_now_coarse());
    struct rhb_bytes *out = written->out;
    bool closes = written->app_closes;
    out->len = written->start;
    if (!rhb_bytes_append(out, fields->data, fields->len) ||
        !rhb_put_hit_fields(out, record, age, status))
        return false;
    *written = (struct rhb_response_head){.out = out,
                                          .start = written->start,
                                          .status = record->status,
                                          .has_length = true,
                                          .has_date = true,
                                          .has_server = record->has_server,
                                          .app_closes = closes,
                                          .content_length = filling->stale_body.len};
    return true;
}

/* ---- 304 ---- */

static bool store(struct rhb_cache *cache, struct rhb_filling *filling,
                  const struct rhb_bytes *body);

static void let_go(struct rhb_cache *cache, struct rhb_filling *filling, bool taken)
{
    if (taken)
        rhb_filling_end_claim(cache, filling, true);
    else
        rhb_filling_refuse(cache, filling);
}

/* The fields of the 304 become those of the response. Their Date is the server's, if they have
 * none. */
static bool take_newer_fields(struct rhb_filling *filling, const char *newer, const char *end,
                              const char *date)
{
    struct rhb_bytes dated = {0};
    bool merged =
        rhb_bytes_append(&dated, newer, (size_t)(end - newer)) &&
        (rhb_field_value(newer, end, "date").at != NULL || put_date(&dated, date)) &&
        rhb_304_merge(&filling->fields, &filling->stale_fields, dated.data, dated.data + dated.len);
    rhb_bytes_free(&dated);
    return merged;
}

/* What is stored is sent this once, and not used again. */
static void take_once(struct rhb_cache *cache, struct rhb_filling *filling)
{
    filling->head = filling->stale;
    filling->head.has_server = has_field(&filling->fields, "server");
    strip_stored(&filling->fields);
    rhb_filling_supersede(cache, filling);
    rhb_filling_refuse(cache, filling);
}

/* The application says that what is stored is still right. It is used once also when the fields may
 * not be stored, as Set-Cookie for this client; and as it is when they are of another version. */
static enum rhb_filled freshen(struct rhb_cache *cache, struct rhb_filling *filling,
                               const struct phr_request_head *request,
                               struct rhb_response_head *written, const char *date)
{
    const char *text = written->out->data + written->start;
    const char *end = written->out->data + written->out->len;
    const char *newer = text + line_len(text, (size_t)(end - text));
    bool about = rhb_304_is_about(&filling->stale_fields, newer, end, wall_seconds());
    bool taken = about ? take_newer_fields(filling, newer, end, date)
                       : rhb_bytes_append(&filling->fields, filling->stale_fields.data,
                                          filling->stale_fields.len);
    if (!taken)
        return RHB_FILLED_NOT;
    if (about && !written->names_fields && gather(filling, request, filling->stale.status, date))
        let_go(cache, filling, store(cache, filling, &filling->stale_body));
    else
        take_once(cache, filling);
    return replace(filling, written, &filling->fields, &filling->head, 304) ? RHB_FILLED_REPLACED
                                                                            : RHB_FILLED_NOT;
}

/* ---- the response ---- */

static struct rhb_to_store to_store(const struct rhb_filling *filling, const char *body,
                                    uint64_t body_len)
{
    return (struct rhb_to_store){
        .uri = filling->key.data,
        .uri_len = filling->uri_len,
        .extra = filling->key.data + filling->uri_len,
        .extra_len = filling->key.len - filling->uri_len,
        .vary = filling->vary.data,
        .vary_len = filling->vary.len,
        .fields = filling->fields.data,
        .fields_len = filling->fields.len,
        .body = body,
        .body_len = (size_t)body_len,
        .hash = filling->hash,
        .head = filling->head,
    };
}

/* Whether a body of this length is taken, as far as that can be told from it. */
static bool takes_body(const struct rhb_cache *cache, const struct rhb_filling *filling,
                       uint64_t len)
{
    struct rhb_to_store given = to_store(filling, NULL, len);
    return len <= cache->largest && rhb_record_fits(&cache->store, &given);
}

/* Likewise of the response that is written, whose fields have been gathered. */
static bool takes(const struct rhb_cache *cache, const struct rhb_filling *filling,
                  const struct rhb_response_head *written)
{
    if (filling->in_hand < 0)
        return takes_body(cache, filling, written->has_length ? written->content_length : 0);
    return takes_body(cache, filling, (uint64_t)filling->in_hand) &&
           (!written->has_length || written->content_length == (uint64_t)filling->in_hand);
}

static enum rhb_filled use_stale(struct rhb_cache *cache, struct rhb_filling *filling,
                                 struct rhb_response_head *written)
{
    int status = written->status;
    rhb_filling_end_claim(cache, filling, false);
    if (!replace(filling, written, &filling->stale_fields, &filling->stale, status))
        return RHB_FILLED_NOT;
    rhb_cache_count(&cache->counts->stale, 1);
    return RHB_FILLED_REPLACED;
}

enum rhb_filled rhb_filling_head(struct rhb_cache *cache, struct rhb_filling *filling,
                                 const struct phr_request_head *request,
                                 struct rhb_response_head *written, const char *date)
{
    struct rhb_bytes *out = written->out;
    uint64_t now = rhb_now_coarse();
    filling->fields.len = filling->body.len = 0; /* perhaps of one that an error has replaced */
    if (filling->has_stale && filling->adds_validators && written->status == 304)
        return freshen(cache, filling, request, written, date);
    if (filling->has_stale && rhb_is_error(written->status) &&
        is_current(cache, filling, &filling->stale_fields) &&
        rhb_use_if_error(&filling->stale.lifetime, rhb_record_age(&filling->stale, now)))
        return use_stale(cache, filling, written);
    filling->storing =
        !written->names_fields && /* RFC 9111 section 3.1 */
        rhb_bytes_append(&filling->fields, out->data + written->start, out->len - written->start) &&
        gather(filling, request, written->status, date) && takes(cache, filling, written);
    if (!filling->storing) {
        if (rhb_is_for_all(written->status))
            rhb_filling_supersede(cache, filling);
        rhb_filling_refuse(cache, filling);
    }
    rhb_put_forward_field(out, why_of(filling->why), filling->storing && filling->in_hand >= 0);
    return filling->storing ? RHB_FILLED_GATHERS : RHB_FILLED_NOT;
}

bool rhb_filling_body(struct rhb_cache *cache, struct rhb_filling *filling, const char *data,
                      size_t len)
{
    if (len <= cache->largest - filling->body.len && rhb_bytes_append(&filling->body, data, len))
        return true;
    rhb_filling_supersede(cache, filling);
    rhb_filling_refuse(cache, filling);
    return false;
}

/* ---- the store ---- */

/* Under the lock. What was changed while the application answered is not stored: the answer may be
 * older. Whoever changes counts first and then takes out, under the lock; so nothing slips between.
 * False when the store does not take it. */
static bool put(struct rhb_cache *cache, const struct rhb_filling *filling,
                const struct rhb_to_store *given)
{
    struct rhb_bytes scratch = {0};
    uint64_t evicted = atomic_load(&cache->store.head->evictions);
    bool current = is_current(cache, filling, &filling->fields);
    bool stored = current && rhb_record_store(&cache->store, given, &scratch);
    if (stored) {
        rhb_cache_count(&cache->counts->stored, 1);
        rhb_cache_pass_no_more(cache, filling->tag);
    }
    rhb_cache_count(&cache->counts->evicted, atomic_load(&cache->store.head->evictions) - evicted);
    rhb_bytes_free(&scratch);
    return stored || !current;
}

/* False when it cannot be stored; the next one neither then. */
static bool store(struct rhb_cache *cache, struct rhb_filling *filling,
                  const struct rhb_bytes *body)
{
    struct rhb_to_store given = to_store(filling, body->data, body->len);
    if (!rhb_cache_lock(cache, RHB_STORING_MS))
        return false;
    bool taken = put(cache, filling, &given);
    rhb_cache_show(cache);
    rhb_store_unlock(&cache->store);
    return taken;
}

void rhb_filling_complete(struct rhb_cache *cache, struct rhb_filling *filling)
{
    bool taken = filling->storing && store(cache, filling, &filling->body);
    filling->storing = false;
    let_go(cache, filling, taken);
}
