#include "conditions.h"
#include "base/decimal.h"
#include "http/date.h"
#include "http/field_name.h"
#include "http/token_list.h"

/* The only field of this name; NULL when there is none, or more than one. */
static const struct phr_header *only(const struct phr_request_head *head, const char *name)
{
    const struct phr_header *found = NULL;
    for (size_t i = 0; i < head->num_fields; i++) {
        if (!rhb_name_is(head->fields[i].name, head->fields[i].name_len, name))
            continue;
        if (found != NULL)
            return NULL;
        found = &head->fields[i];
    }
    return found;
}

static struct rhb_text strong_part(const char *tag, size_t len)
{
    bool weak = len >= 2 && tag[0] == 'W' && tag[1] == '/';
    return (struct rhb_text){tag + (weak ? 2 : 0), len - (weak ? 2 : 0)};
}

/* RFC 9110 section 8.8.3.2: the weak comparison. */
static bool is_same_tag(const char *one, size_t one_len, const char *other, size_t other_len)
{
    struct rhb_text a = strong_part(one, one_len), b = strong_part(other, other_len);
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* The end of the entity tag that begins here; NULL when there is none. A tag may have commas. */
static const char *end_of_tag(const char *at, const char *end)
{
    if (end - at >= 2 && at[0] == 'W' && at[1] == '/')
        at += 2;
    if (at == end || *at != '"')
        return NULL;
    const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
    return close != NULL ? close + 1 : NULL;
}

static bool lists_tag(const struct phr_header *field, const char *etag, size_t etag_len)
{
    const char *at = field->value, *end = at + field->value_len;
    if (field->value_len == 1 && *at == '*')
        return true;
    while (at < end) {
        const char *stop = end_of_tag(at, end);
        if (stop != NULL && etag_len > 0 && is_same_tag(at, (size_t)(stop - at), etag, etag_len))
            return true;
        at = stop != NULL ? stop : at + 1;
        while (at < end && (rhb_is_ows(*at) || *at == ','))
            at++;
    }
    return false;
}

/* RFC 9110 section 13.1.3: compared with the Last-Modified of the response, otherwise its Date
 * (RFC 9111 section 4.3.2). */
static bool is_old_enough(const struct phr_header *since, const struct rhb_record *record,
                          int64_t now)
{
    int64_t date;
    int64_t modified = record->modified != INT64_MIN ? record->modified : record->date;
    return since != NULL && rhb_date_read(since->value, since->value_len, now, &date) &&
           modified <= date;
}

bool rhb_is_not_modified(const struct phr_request_head *head, const struct rhb_record *record,
                         const char *etag, int64_t now)
{
    bool has_tags = false;
    if (record->status != 200)
        return false;
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (!rhb_name_is(field->name, field->name_len, "if-none-match"))
            continue;
        has_tags = true;
        if (lists_tag(field, etag, record->etag_len))
            return true;
    }
    return !has_tags && is_old_enough(only(head, "if-modified-since"), record, now);
}

/* RFC 9110 section 13.1.5: strong validators alone. A date is strong when the response was made a
 * second after it, or later. */
static bool may_be_partial(const struct phr_request_head *head, const struct rhb_record *record,
                           const char *etag, int64_t now)
{
    int64_t date;
    bool several = false;
    const struct phr_header *field = only(head, "if-range");
    for (size_t i = 0; field == NULL && i < head->num_fields; i++)
        several |= rhb_name_is(head->fields[i].name, head->fields[i].name_len, "if-range");
    if (field == NULL)
        return !several;
    if (field->value_len > 0 && field->value[0] == '"')
        return record->etag_len == field->value_len &&
               memcmp(etag, field->value, field->value_len) == 0;
    return rhb_date_read(field->value, field->value_len, now, &date) &&
           record->modified != INT64_MIN && date == record->modified && record->date > date;
}

/* RFC 9110 section 14.1.2: "bytes=" and one range. */
static enum rhb_range_result read_range(const char *text, size_t len, uint64_t size,
                                        struct rhb_range *range)
{
    const char *end = text + len, *dash;
    uint64_t first = 0, last = UINT64_MAX;
    if (len < 6 || !rhb_same_name(text, "bytes=", 6) || memchr(text, ',', len) != NULL ||
        (dash = memchr(text, '-', len)) == NULL)
        return RHB_RANGE_NONE;
    text += 6;
    bool has_first = dash > text, has_last = end > dash + 1;
    if ((has_first && !rhb_decimal_read(text, (size_t)(dash - text), UINT64_MAX, &first)) ||
        (has_last && !rhb_decimal_read(dash + 1, (size_t)(end - dash - 1), UINT64_MAX, &last)) ||
        (!has_first && !has_last) || (has_first && last < first))
        return RHB_RANGE_NONE;
    if (!has_first) { /* the last bytes */
        if (last == 0 || size == 0)
            return RHB_RANGE_UNSATISFIABLE;
        first = last < size ? size - last : 0;
        last = size - 1;
    }
    if (first >= size)
        return RHB_RANGE_UNSATISFIABLE;
    last = last < size ? last : size - 1;
    *range = (struct rhb_range){first, last - first + 1};
    return RHB_RANGE_PART;
}

enum rhb_range_result rhb_range_of(const struct phr_request_head *head,
                                   const struct rhb_record *record, const char *etag, int64_t now,
                                   struct rhb_range *range)
{
    const struct phr_header *field = only(head, "range");
    if (field == NULL || record->status != 200 || !may_be_partial(head, record, etag, now))
        return RHB_RANGE_NONE;
    return read_range(field->value, field->value_len, record->body_len, range);
}
