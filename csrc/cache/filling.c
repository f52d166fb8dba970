/* What the application has answered goes into the cache, or what is in the cache takes its place.
 */
#include "base/clock.h"
#include "cache.h"
#include "http/field_name.h"
#include "status_field.h"
#include "vary.h"
#include <stdlib.h>
#include <strings.h>

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
    static const char *const words[] = {"uri-miss", "stale", "request"};
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
    struct rhb_field_line field;
    const char *at = fields->data + line_len(fields->data, fields->len);
    while (rhb_next_field(&at, fields->data + fields->len, &field))
        if (rhb_name_is(field.name.at, field.name.len, lower))
            return field.value;
    return (struct rhb_text){NULL, 0};
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

/* RFC 9111 section 3.2: a 304 has newer fields for what is stored, but for those with which the
 * stored body would not be read as it is. */
static bool is_of_body(const struct rhb_text *name)
{
    static const char *const names[] = {"content-length", "content-encoding", "content-range",
                                        "content-md5", "content-digest"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (rhb_name_is(name->at, name->len, names[i]))
            return true;
    return false;
}

static bool has_text_name(const char *fields, const char *end, const struct rhb_text *name)
{
    struct rhb_field_line field;
    while (rhb_next_field(&fields, end, &field))
        if (field.name.len == name->len && strncasecmp(field.name.at, name->at, name->len) == 0)
            return true;
    return false;
}

/* The stored fields that the 304 does not have, and then those of the 304. */
static bool merge(struct rhb_bytes *merged, const struct rhb_bytes *stored, const char *newer,
                  const char *end)
{
    struct rhb_field_line field;
    size_t line = line_len(stored->data, stored->len);
    const char *at = stored->data + line;
    bool put = rhb_bytes_append(merged, stored->data, line);
    while (put && rhb_next_field(&at, stored->data + stored->len, &field))
        if (is_of_body(&field.name) || !has_text_name(newer, end, &field.name))
            put = rhb_bytes_append(merged, field.line, (size_t)(field.behind - field.line));
    at = newer;
    while (put && rhb_next_field(&at, end, &field))
        if (!is_of_body(&field.name))
            put = rhb_bytes_append(merged, field.line, (size_t)(field.behind - field.line));
    return put;
}

static bool is_same_tag(struct rhb_text a, struct rhb_text b)
{
    struct rhb_text *const both[] = {&a, &b};
    for (int i = 0; i < 2; i++)
        if (both[i]->len > 2 && memcmp(both[i]->at, "W/", 2) == 0)
            *both[i] = (struct rhb_text){both[i]->at + 2, both[i]->len - 2};
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* RFC 9111 section 4.3.4: whether the 304 is about what is stored, by the validators that both
 * have. Weak ones are as good: some servers weaken their tags. */
static bool is_about_stored(const struct rhb_filling *filling, const char *newer, const char *end)
{
    struct rhb_text etag = value_of(&filling->stale_fields, "etag");
    struct rhb_text modified = value_of(&filling->stale_fields, "last-modified");
    struct rhb_said said;
    rhb_said_read(&said, newer, (size_t)(end - newer), filling->stale.date);
    if (said.etag.at != NULL && etag.at != NULL)
        return is_same_tag(said.etag, etag);
    return said.last_modified.at == NULL || modified.at == NULL ||
           said.modified == filling->stale.modified;
}

static bool store(struct rhb_cache *cache, struct rhb_filling *filling,
                  const struct rhb_bytes *body);

static void let_go(struct rhb_cache *cache, struct rhb_filling *filling, bool taken)
{
    if (taken)
        rhb_filling_end_claim(cache, filling, true);
    else
        rhb_filling_refuse(cache, filling);
}

/* The application says that what is stored is still right. */
static enum rhb_filled freshen(struct rhb_cache *cache, struct rhb_filling *filling,
                               const struct phr_request_head *request,
                               struct rhb_response_head *written, const char *date)
{
    const char *text = written->out->data + written->start;
    const char *end = written->out->data + written->out->len;
    const char *newer = text + line_len(text, (size_t)(end - text));
    struct rhb_text date_name = {"date", 4};
    struct rhb_bytes dated = {0};
    bool merged =
        rhb_bytes_append(&dated, newer, (size_t)(end - newer)) &&
        (has_text_name(newer, end, &date_name) || put_date(&dated, date)) &&
        merge(&filling->fields, &filling->stale_fields, dated.data, dated.data + dated.len);
    rhb_bytes_free(&dated);
    if (!merged)
        return RHB_FILLED_NOT;
    if (is_about_stored(filling, newer, end) &&
        gather(filling, request, filling->stale.status, date)) {
        let_go(cache, filling, store(cache, filling, &filling->stale_body));
    } else { /* sent this once: it is of another version, or for this client, as Set-Cookie is */
        filling->head = filling->stale;
        filling->head.has_server = has_field(&filling->fields, "server");
        strip_stored(&filling->fields);
        rhb_filling_supersede(cache, filling);
        rhb_filling_refuse(cache, filling);
    }
    return replace(filling, written, &filling->fields, &filling->head, 304) ? RHB_FILLED_REPLACED
                                                                            : RHB_FILLED_NOT;
}

/* ---- the response ---- */

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
        rhb_bytes_append(&filling->fields, out->data + written->start, out->len - written->start) &&
        gather(filling, request, written->status, date) &&
        (!written->has_length || written->content_length <= cache->largest);
    if (!filling->storing) {
        if (rhb_is_for_all(written->status))
            rhb_filling_supersede(cache, filling);
        rhb_filling_refuse(cache, filling);
    }
    rhb_put_forward_field(out, why_of(filling->why), filling->storing);
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
    struct rhb_to_store given = {
        .uri = filling->key.data,
        .uri_len = filling->uri_len,
        .extra = filling->key.data + filling->uri_len,
        .extra_len = filling->key.len - filling->uri_len,
        .vary = filling->vary.data,
        .vary_len = filling->vary.len,
        .fields = filling->fields.data,
        .fields_len = filling->fields.len,
        .body = body->data,
        .body_len = body->len,
        .hash = filling->hash,
        .head = filling->head,
    };
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
