#include "making.h"
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

static bool put_special_head(struct rhb_making *making, struct rhb_bytes *out)
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

static bool put_head(struct rhb_making *making, uint64_t age)
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

/* ---- the body ---- */

/* For rhb_answer.append: out of the store behind the head, without a copy between. */
static bool append_body(void *held, struct rhb_bytes *out, size_t len)
{
    struct rhb_cache *cache = held;
    if (!rhb_bytes_reserve(out, len) ||
        !rhb_store_read(&cache->store, &cache->body, out->data + out->len, len)) {
        rhb_cache_count(&cache->counts->misses, 1);
        return false;
    }
    out->len += len;
    rhb_cache_count_hit(cache, cache->body_is_fresh);
    return true;
}

static void let_append(struct rhb_making *making)
{
    making->cache->body = making->found->reading;
    making->cache->body_is_fresh = making->is_fresh;
    making->answer->len = (size_t)making->range.length;
    making->answer->append = append_body;
    making->answer->held = making->cache;
}

/* The body follows the fields in the record, so what stands before the range is read too. */
static bool read_body(struct rhb_making *making)
{
    const struct rhb_part *range = &making->range;
    size_t len = (size_t)(range->first + range->length);
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

static bool put_body(struct rhb_making *making)
{
    const struct rhb_part *range = &making->range;
    if (range->length == 0 || making->asked->is_head)
        return true;
    if (!making->may_append || range->first > 0 || range->length > RHB_SMALL_BODY)
        return read_body(making);
    let_append(making);
    return true;
}

bool rhb_make_answer(struct rhb_making *making, const struct rhb_question *question, uint64_t age)
{
    rhb_answer_begin(making->answer, question);
    making->status = making->found->record.status;
    making->range = (struct rhb_part){0, making->found->record.body_len};
    if (!put_head(making, age) || !put_body(making))
        return false;
    rhb_store_touch(&making->cache->store, &making->found->reading);
    return true;
}
