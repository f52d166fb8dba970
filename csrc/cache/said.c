#include "said.h"
#include "http/date.h"
#include "http/token_list.h"

/* ---- field lines ---- */

bool rhb_next_field(const char **at, const char *end, struct rhb_field_line *field)
{
    const char *line = *at, *stop, *colon;
    if (line >= end || (stop = memchr(line, '\n', (size_t)(end - line))) == NULL)
        return false;
    *at = field->behind = stop + 1;
    field->line = line;
    stop -= stop > line && stop[-1] == '\r';
    colon = memchr(line, ':', (size_t)(stop - line));
    if (colon == NULL)
        colon = stop;
    const char *value = colon < stop ? colon + 1 : stop;
    while (value < stop && rhb_is_ows(*value))
        value++;
    while (stop > value && rhb_is_ows(stop[-1]))
        stop--;
    field->name = (struct rhb_text){line, (size_t)(colon - line)};
    field->value = (struct rhb_text){value, (size_t)(stop - value)};
    return true;
}

struct rhb_text rhb_field_value(const char *fields, const char *end, const char *lower)
{
    struct rhb_field_line field;
    while (rhb_next_field(&fields, end, &field))
        if (rhb_name_is(field.name.at, field.name.len, lower))
            return field.value;
    return (struct rhb_text){NULL, 0};
}

/* ---- one field ---- */

/* Besides what is found for the caller. */
struct reading {
    struct rhb_said *said;
    int64_t now;
    struct rhb_directives cache_control, surrogate, cdn;
    bool has_age, has_cdn, bad_cdn;
};

static void read_expires(struct reading *reading, const struct rhb_field_line *field)
{
    struct rhb_said *said = reading->said;
    int64_t date;
    if (!rhb_date_read_any_case(field->value.at, field->value.len, reading->now, &date))
        date = INT64_MIN; /* RFC 9111 section 5.3: in the past */
    if (said->has_expires && said->expires != date)
        date = INT64_MIN;
    said->has_expires = true;
    said->expires = date;
}

static void read_date(struct reading *reading, const struct rhb_field_line *field)
{
    struct rhb_said *said = reading->said;
    if (!said->has_date)
        said->has_date =
            rhb_date_read_any_case(field->value.at, field->value.len, reading->now, &said->date);
}

/* RFC 9111 section 5.1: the first of a list, of several lines too; what is no number is ignored. */
static void read_age(struct reading *reading, const struct rhb_field_line *field)
{
    struct rhb_token_list list = {.next = field->value.at,
                                  .end = field->value.at + field->value.len};
    uint32_t age;
    bool found = false;
    while (!found && rhb_token_next(&list))
        found = list.len > 0;
    if (found && !reading->has_age && rhb_seconds_read(list.token, list.len, &age))
        reading->said->age = age;
    reading->has_age |= found;
}

static void read_vary(struct reading *reading, const struct rhb_field_line *field)
{
    struct rhb_token_list list = {.next = field->value.at,
                                  .end = field->value.at + field->value.len};
    reading->said->varies = true;
    while (rhb_token_next(&list))
        if (list.len == 1 && *list.token == '*')
            reading->said->varies_by_all = true;
}

static void read_cache_control(struct reading *reading, const struct rhb_field_line *field)
{
    rhb_directives_read(&reading->cache_control, field->value.at, field->value.len);
}

static void read_surrogate_control(struct reading *reading, const struct rhb_field_line *field)
{
    rhb_directives_read_surrogate(&reading->surrogate, field->value.at, field->value.len);
}

static void read_cdn_cache_control(struct reading *reading, const struct rhb_field_line *field)
{
    reading->has_cdn = true;
    if (!rhb_directives_read_targeted(&reading->cdn, field->value.at, field->value.len))
        reading->bad_cdn = true;
}

static void read_set_cookie(struct reading *reading, const struct rhb_field_line *field)
{
    (void)field;
    reading->said->sets_cookie = true;
}

static void read_credentials(struct reading *reading, const struct rhb_field_line *field)
{
    (void)field;
    reading->said->has_credentials = true;
}

static void read_etag(struct reading *reading, const struct rhb_field_line *field)
{
    if (reading->said->etag.at == NULL)
        reading->said->etag = field->value;
}

static void read_last_modified(struct reading *reading, const struct rhb_field_line *field)
{
    struct rhb_said *said = reading->said;
    if (said->last_modified.at != NULL)
        return;
    if (rhb_date_read(field->value.at, field->value.len, reading->now, &said->modified))
        said->last_modified = field->value;
    else
        said->modified = INT64_MIN;
}

static const struct rule {
    const char *name;
    void (*read)(struct reading *reading, const struct rhb_field_line *field);
} rules[] = {
    {"age", read_age},
    {"date", read_date},
    {"etag", read_etag},
    {"vary", read_vary},
    {"expires", read_expires},
    {"set-cookie", read_set_cookie},
    {"set-cookie2", read_set_cookie},
    {"cache-control", read_cache_control},
    {"last-modified", read_last_modified},
    {"surrogate-control", read_surrogate_control},
    {"cdn-cache-control", read_cdn_cache_control},
    {"proxy-authenticate", read_credentials},
    {"proxy-authorization", read_credentials},
    {"proxy-authentication-info", read_credentials},
};

static void read_field(struct reading *reading, const struct rhb_field_line *field)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rhb_name_is(field->name.at, field->name.len, rules[i].name))
            rules[i].read(reading, field);
}

/* ---- all fields ---- */

/* RFC 9213 section 2.2: the first field of those that are meant for this cache counts, alone. A
 * Surrogate-Control may be for other caches, or say only how the content is processed. */
static void choose(struct reading *reading)
{
    struct rhb_said *said = reading->said;
    said->targeted = true;
    if (reading->surrogate.seen != 0 || reading->surrogate.broken)
        said->directives = reading->surrogate;
    else if (reading->has_cdn && !reading->bad_cdn)
        said->directives = reading->cdn;
    else {
        said->directives = reading->cache_control;
        said->targeted = false;
    }
}

void rhb_said_read(struct rhb_said *said, const char *fields, size_t len, int64_t now)
{
    struct reading reading = {.said = said, .now = now};
    struct rhb_field_line field;
    const char *at = fields;
    *said = (struct rhb_said){.expires = INT64_MIN, .modified = INT64_MIN};
    while (rhb_next_field(&at, fields + len, &field))
        read_field(&reading, &field);
    choose(&reading);
}

size_t rhb_said_strip(char *fields, size_t len, bool age)
{
    struct rhb_field_line field;
    const char *at = fields, *end = fields + len;
    char *to = fields;
    while (rhb_next_field(&at, end, &field)) {
        size_t size = (size_t)(field.behind - field.line);
        if (rhb_name_is(field.name.at, field.name.len, "surrogate-control") ||
            rhb_name_is(field.name.at, field.name.len, "cdn-cache-control") ||
            (age && rhb_name_is(field.name.at, field.name.len, "age")))
            continue;
        memmove(to, field.line, size);
        to += size;
    }
    return (size_t)(to - fields);
}
