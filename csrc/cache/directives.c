#include "directives.h"
#include "base/decimal.h"
#include "http/field_syntax.h"
#include "http/token_list.h"

static const struct name {
    const char *text;
    enum rhb_directive directive;
} names[] = {
    {"no-store", RHB_NO_STORE},
    {"no-cache", RHB_NO_CACHE},
    {"private", RHB_PRIVATE},
    {"public", RHB_PUBLIC},
    {"must-revalidate", RHB_MUST_REVALIDATE},
    {"proxy-revalidate", RHB_PROXY_REVALIDATE},
    {"must-understand", RHB_MUST_UNDERSTAND},
    {"only-if-cached", RHB_ONLY_IF_CACHED},
    {"max-age", RHB_MAX_AGE},
    {"s-maxage", RHB_S_MAXAGE},
    {"max-stale", RHB_MAX_STALE},
    {"min-fresh", RHB_MIN_FRESH},
    {"stale-while-revalidate", RHB_STALE_WHILE_REVALIDATE},
    {"stale-if-error", RHB_STALE_IF_ERROR},
};

/* 0: unknown */
static unsigned directive_of(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (rhb_name_is(name, len, names[i].text))
            return names[i].directive;
    return 0;
}

/* Where the number of a directive is kept; NULL when it has none. */
static uint32_t *number_of(struct rhb_directives *directives, unsigned directive)
{
    switch (directive) {
    case RHB_MAX_AGE:
        return &directives->max_age;
    case RHB_S_MAXAGE:
        return &directives->s_maxage;
    case RHB_MAX_STALE:
        return &directives->max_stale;
    case RHB_MIN_FRESH:
        return &directives->min_fresh;
    case RHB_STALE_WHILE_REVALIDATE:
        return &directives->stale_while_revalidate;
    case RHB_STALE_IF_ERROR:
        return &directives->stale_if_error;
    default:
        return NULL;
    }
}

bool rhb_seconds_read(const char *text, size_t len, uint32_t *seconds)
{
    uint64_t number;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    if (len == 0)
        return false;
    bool fits = rhb_decimal_read(text, len, RHB_MOST_SECONDS, &number);
    *seconds = fits ? (uint32_t)number : RHB_MOST_SECONDS;
    return true;
}

/* ---- Cache-Control ---- */

/* The separator that ends the element at `at`, or the end; one in a quoted string does not end it.
 */
static const char *end_of_element(const char *at, const char *end, char separator, bool *broken)
{
    bool quoted = false;
    for (; at < end && (quoted || *at != separator); at++) {
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    *broken |= quoted;
    return at;
}

static size_t token_len(const char *at, const char *end)
{
    size_t len = 0;
    while (at + len < end && rhb_is_token(at + len, 1))
        len++;
    return len;
}

static void set(struct rhb_directives *directives, unsigned directive, bool valid, uint32_t value)
{
    uint32_t *number = number_of(directives, directive);
    if (number != NULL) {
        bool again = (directives->seen & directive) != 0;
        *number = valid && (!again || *number == value) ? value : 0;
    }
    directives->seen |= directive;
}

/* One element without the white space around it: a name, and behind '=' a token or a quoted
 * string. */
static void read_element(struct rhb_directives *directives, const char *at, const char *end)
{
    size_t name_len = token_len(at, end);
    unsigned directive = directive_of(at, name_len);
    const char *value = at + name_len;
    uint32_t seconds = 0;
    bool valid = false;
    if (directive == 0)
        return;
    if (value < end && *value == '=') {
        value++;
        if (end - value >= 2 && *value == '"' && end[-1] == '"')
            value++, end--;
        valid = rhb_seconds_read(value, (size_t)(end - value), &seconds);
    } else if (directive == RHB_MAX_STALE && value == end) {
        valid = true;
        seconds = RHB_MOST_SECONDS;
    } else if (directive == RHB_PUBLIC && value != end) {
        return; /* what allows has to be written as it should */
    }
    set(directives, directive, valid, seconds);
}

/* What reads an element. */
typedef void read_fn(struct rhb_directives *directives, const char *at, const char *end);

static void read_list(struct rhb_directives *directives, const char *at, const char *end,
                      read_fn *read)
{
    while (at < end) {
        const char *stop = end_of_element(at, end, ',', &directives->broken);
        const char *first = at, *last = stop;
        while (first < last && rhb_is_ows(*first))
            first++;
        while (first < last && rhb_is_ows(last[-1]))
            last--;
        read(directives, first, last);
        at = stop + 1;
    }
}

void rhb_directives_read(struct rhb_directives *directives, const char *value, size_t len)
{
    read_list(directives, value, value + len, read_element);
}

/* ---- Surrogate-Control ---- */

static const char *trim_end(const char *at, const char *end)
{
    while (at < end && rhb_is_ows(end[-1]))
        end--;
    return end;
}

/* Whether the target behind ';' is this cache, or all. */
static bool is_for_us(const char *at, const char *end)
{
    while (at < end && rhb_is_ows(*at))
        at++;
    return at == end || rhb_name_is(at, (size_t)(end - at), "rhebok");
}

/* max-age=60+30 */
static void read_extended(struct rhb_directives *directives, const char *at, const char *end)
{
    const char *plus = at;
    while (plus < end && *plus != '+')
        plus++;
    bool extends = plus < end && directive_of(at, token_len(at, end)) == RHB_MAX_AGE;
    uint32_t seconds;
    read_element(directives, at, extends ? plus : end);
    if (extends && rhb_seconds_read(plus + 1, (size_t)(end - plus - 1), &seconds))
        set(directives, RHB_STALE_WHILE_REVALIDATE, true, seconds);
}

static void read_targeted_element(struct rhb_directives *directives, const char *at,
                                  const char *end)
{
    const char *semicolon = end_of_element(at, end, ';', &directives->broken);
    if (semicolon == end || is_for_us(semicolon + 1, end))
        read_extended(directives, at, trim_end(at, semicolon));
}

void rhb_directives_read_surrogate(struct rhb_directives *directives, const char *value, size_t len)
{
    read_list(directives, value, value + len, read_targeted_element);
}

/* ---- targeted fields ---- */

/* What a bare item or a parameter can be; of numbers only integers are told apart. */
struct item {
    bool is_integer;
    const char *text;
    size_t len;
};

static bool is_key_start(char byte)
{
    return (byte >= 'a' && byte <= 'z') || byte == '*';
}

static bool is_key_byte(char byte)
{
    return is_key_start(byte) || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' ||
           byte == '.';
}

/* Each of these returns what stands behind, or NULL. */

static const char *skip_key(const char *at, const char *end)
{
    if (at == end || !is_key_start(*at))
        return NULL;
    while (at < end && is_key_byte(*at))
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\' && (++at == end || (*at != '"' && *at != '\\')))
            return NULL;
        if (*at < 0x20 || *at > 0x7e)
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* RFC 9651 section 4.2.4 */
static const char *skip_number(const char *at, const char *end, struct item *item)
{
    const char *first = *at == '-' ? at + 1 : at, *behind = skip_digits(first, end);
    if (behind == first || behind - first > 15)
        return NULL;
    item->is_integer = behind == end || *behind != '.';
    if (item->is_integer)
        return behind;
    const char *fraction = behind + 1;
    behind = skip_digits(fraction, end);
    return behind > fraction && behind - fraction <= 3 ? behind : NULL;
}

static const char *skip_token(const char *at, const char *end)
{
    while (at < end && (rhb_is_token(at, 1) || *at == ':' || *at == '/'))
        at++;
    return at;
}

static const char *skip_bytes(const char *at, const char *end)
{
    const char *close = memchr(at + 1, ':', (size_t)(end - at - 1));
    return close != NULL ? close + 1 : NULL;
}

static const char *skip_bare_item(const char *at, const char *end, struct item *item)
{
    if (at == end)
        return NULL;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '-' || (*at >= '0' && *at <= '9'))
        return skip_number(at, end, item);
    if (*at == '?')
        return end - at >= 2 && (at[1] == '0' || at[1] == '1') ? at + 2 : NULL;
    if (*at == ':')
        return skip_bytes(at, end);
    if ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z')
        return skip_token(at, end);
    return NULL; /* also inner lists, which no directive has */
}

static const char *skip_parameters(const char *at, const char *end)
{
    struct item ignored = {0};
    while (at != NULL && at < end && *at == ';') {
        for (at++; at < end && *at == ' '; at++)
            ;
        at = skip_key(at, end);
        if (at != NULL && at < end && *at == '=')
            at = skip_bare_item(at + 1, end, &ignored);
    }
    return at;
}

/* One member: a key, perhaps with an item. ?0 is as if it were not there. */
static const char *read_member(struct rhb_directives *directives, const char *at, const char *end)
{
    struct item item = {0};
    const char *key = at;
    at = skip_key(at, end);
    if (at == NULL)
        return NULL;
    unsigned directive = directive_of(key, (size_t)(at - key));
    uint32_t *number = number_of(directives, directive);
    if (at < end && *at == '=') {
        item.text = at + 1;
        at = skip_bare_item(item.text, end, &item);
        item.len = at != NULL ? (size_t)(at - item.text) : 0;
    }
    bool is_false = item.len == 2 && memcmp(item.text, "?0", 2) == 0;
    directives->seen = is_false ? directives->seen & ~directive : directives->seen | directive;
    if (number != NULL) {
        *number = 0;
        if (item.is_integer)
            rhb_seconds_read(item.text, item.len, number);
    }
    return skip_parameters(at, end);
}

static const char *skip_spaces(const char *at, const char *end)
{
    while (at < end && rhb_is_ows(*at))
        at++;
    return at;
}

/* RFC 9651 section 4.2.2 */
static bool read_dictionary(struct rhb_directives *directives, const char *at, const char *end)
{
    at = skip_spaces(at, end);
    while (at < end) {
        at = read_member(directives, at, end);
        if (at == NULL)
            return false;
        at = skip_spaces(at, end);
        if (at == end)
            return true;
        if (*at != ',')
            return false;
        at = skip_spaces(at + 1, end);
        if (at == end)
            return false;
    }
    return false; /* empty */
}

bool rhb_directives_read_targeted(struct rhb_directives *directives, const char *value, size_t len)
{
    return read_dictionary(directives, value, value + len);
}
