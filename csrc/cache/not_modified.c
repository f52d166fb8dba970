#include "not_modified.h"
#include "http/date.h"
#include "http/field_name.h"
#include <strings.h>

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

bool rhb_304_merge(struct rhb_bytes *merged, const struct rhb_bytes *stored, const char *newer,
                   const char *end)
{
    struct rhb_field_line field;
    const char *at = stored->data, *stored_end = stored->data + stored->len;
    const char *line = memchr(at, '\n', stored->len);
    size_t len = line != NULL ? (size_t)(line + 1 - at) : stored->len;
    bool put = rhb_bytes_append(merged, at, len);
    at += len;
    while (put && rhb_next_field(&at, stored_end, &field))
        if (is_of_body(&field.name) || !has_text_name(newer, end, &field.name))
            put = rhb_bytes_append(merged, field.line, (size_t)(field.behind - field.line));
    at = newer;
    while (put && rhb_next_field(&at, end, &field))
        if (!is_of_body(&field.name))
            put = rhb_bytes_append(merged, field.line, (size_t)(field.behind - field.line));
    return put;
}

static bool is_same_date(struct rhb_text a, struct rhb_text b, int64_t now)
{
    int64_t first, second;
    return rhb_date_read(a.at, a.len, now, &first) && rhb_date_read(b.at, b.len, now, &second) &&
           first == second;
}

static bool is_same_tag(struct rhb_text a, struct rhb_text b)
{
    struct rhb_text *const both[] = {&a, &b};
    for (int i = 0; i < 2; i++)
        if (both[i]->len > 2 && memcmp(both[i]->at, "W/", 2) == 0)
            *both[i] = (struct rhb_text){both[i]->at + 2, both[i]->len - 2};
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool rhb_304_is_about(const struct rhb_bytes *stored, const char *newer, const char *end,
                      int64_t now)
{
    const char *stored_end = stored->data + stored->len;
    struct rhb_text etag = rhb_field_value(stored->data, stored_end, "etag");
    struct rhb_text newer_etag = rhb_field_value(newer, end, "etag");
    struct rhb_text modified = rhb_field_value(stored->data, stored_end, "last-modified");
    struct rhb_text newer_modified = rhb_field_value(newer, end, "last-modified");
    if (etag.at != NULL && newer_etag.at != NULL)
        return is_same_tag(etag, newer_etag);
    return modified.at == NULL || newer_modified.at == NULL ||
           is_same_date(modified, newer_modified, now);
}
