#include "conditions.h"
#include "date.h"
#include "token_list.h"

struct field_lines {
    const struct phr_header *next, *end;
    const char *name; /* in lower case */
    size_t len;
};

static const struct phr_header *next_line(struct field_lines *lines)
{
    while (lines->next < lines->end) {
        const struct phr_header *field = lines->next++;
        if (field->name_len == lines->len && rhb_same_name(field->name, lines->name, lines->len))
            return field;
    }
    return NULL;
}

static struct field_lines lines_of(const struct phr_header *fields, size_t count, const char *name)
{
    return (struct field_lines){fields, fields + count, name, strlen(name)};
}

/* The only line of this name; NULL when there is none. *several: there are more. */
static const struct phr_header *only_line(const struct phr_header *fields, size_t count,
                                          const char *name, bool *several)
{
    struct field_lines lines = lines_of(fields, count, name);
    const struct phr_header *first = next_line(&lines);
    *several = first != NULL && next_line(&lines) != NULL;
    return first;
}

/* ---- entity tags (section 8.8.3) ---- */

struct tag {
    const char *opaque; /* with its quotes */
    size_t len;
    bool weak;
};

static bool is_tag_byte(char byte)
{
    unsigned char code = (unsigned char)byte;
    return code == 0x21 || (code >= 0x23 && code != 0x7f);
}

/* Reads the tag at *at. False when there is none; *at is then undefined. */
static bool read_tag(const char **at, const char *end, struct tag *tag)
{
    tag->weak = end - *at >= 2 && memcmp(*at, "W/", 2) == 0;
    if (tag->weak)
        *at += 2;
    tag->opaque = *at;
    if (*at == end || *(*at)++ != '"')
        return false;
    while (*at < end && is_tag_byte(**at))
        ++*at;
    if (*at == end || *(*at)++ != '"')
        return false;
    tag->len = (size_t)(*at - tag->opaque);
    return true;
}

/* Section 8.8.3.2. */
static bool same_tag(const struct tag *a, const struct tag *b, bool strong)
{
    return !(strong && (a->weak || b->weak)) && a->len == b->len &&
           memcmp(a->opaque, b->opaque, a->len) == 0;
}

static bool tag_of(const struct rhb_validators *validators, struct tag *tag)
{
    const char *at = validators->etag;
    return validators->etag_len > 0 && read_tag(&at, at + validators->etag_len, tag);
}

static void skip_spaces_and_commas(const char **at, const char *end)
{
    while (*at < end && (rhb_is_ows(**at) || **at == ','))
        ++*at;
}

/* Whether a list of tags has this one. Nothing behind a mistake is looked at. */
static bool list_has_tag(const struct phr_header *field, const struct tag *own, bool strong)
{
    const char *at = field->value, *end = at + field->value_len;
    struct tag tag;
    for (skip_spaces_and_commas(&at, end); at < end; skip_spaces_and_commas(&at, end)) {
        if (!read_tag(&at, end, &tag) || (at < end && !rhb_is_ows(*at) && *at != ','))
            return false;
        if (same_tag(&tag, own, strong))
            return true;
    }
    return false;
}

/* Whether a field has `*`, or this tag. There is a representation, so `*` is true. */
static bool field_has_tag(struct field_lines lines, const struct rhb_validators *validators,
                          bool strong)
{
    struct tag own;
    bool has_own = tag_of(validators, &own);
    const struct phr_header *field;
    while ((field = next_line(&lines)) != NULL)
        if ((field->value_len == 1 && field->value[0] == '*') ||
            (has_own && list_has_tag(field, &own, strong)))
            return true;
    return false;
}

static bool has_line(struct field_lines lines)
{
    return next_line(&lines) != NULL;
}

/* ---- dates ---- */

/* False when there is no such field, or it is no one date: it is ignored then (sections 13.1.3 and
 * 13.1.4). */
static bool read_date(const struct phr_header *fields, size_t count, const char *name, time_t now,
                      time_t *date)
{
    bool several;
    const struct phr_header *field = only_line(fields, count, name, &several);
    return field != NULL && !several && rhb_date_read(field->value, field->value_len, now, date);
}

/* ---- the fields in their order (section 13.2.2) ---- */

int rhb_conditions_status(const struct rhb_validators *validators, const struct phr_header *fields,
                          size_t count, bool reads, time_t now)
{
    struct field_lines match = lines_of(fields, count, "if-match");
    struct field_lines none_match = lines_of(fields, count, "if-none-match");
    time_t date;
    if (has_line(match)) {
        if (!field_has_tag(match, validators, true))
            return 412;
    } else if (validators->has_modified &&
               read_date(fields, count, "if-unmodified-since", now, &date) &&
               validators->modified > date) {
        return 412;
    }
    if (has_line(none_match)) {
        if (field_has_tag(none_match, validators, false))
            return reads ? 304 : 412;
    } else if (reads && validators->has_modified &&
               read_date(fields, count, "if-modified-since", now, &date) &&
               validators->modified <= date) {
        return 304;
    }
    return 0;
}

bool rhb_conditions_allow_range(const struct rhb_validators *validators,
                                const struct phr_header *fields, size_t count, time_t now)
{
    bool several;
    const struct phr_header *field = only_line(fields, count, "if-range", &several);
    struct tag own, tag;
    time_t date;
    if (field == NULL)
        return true;
    if (several)
        return false;
    const char *at = field->value, *end = at + field->value_len;
    if (read_tag(&at, end, &tag))
        return at == end && tag_of(validators, &own) && same_tag(&tag, &own, true);
    return validators->has_modified && !validators->changes &&
           rhb_date_read(field->value, field->value_len, now, &date) &&
           date == validators->modified;
}
