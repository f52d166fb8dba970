#include "forwarded_element.h"
#include "picohttpparser/char_class.h"

/* The parameters of an element are read backwards as well. A quoted string without a backslash
 * reads the same from either end. One with a backslash is refused: no value that we use needs one.
 */
static bool quoted_backwards(const char *start, const char **at, struct rhb_text *value)
{
    const char *close = *at - 1, *open = close;
    while (open > start && open[-1] != '"' && open[-1] != '\\')
        open--;
    if (open == start || open[-1] != '"')
        return false;
    *value = (struct rhb_text){open, (size_t)(close - open)};
    *at = open - 1;
    return true;
}

/* Some proxies write addresses without quotes, although they are not tokens. */
static bool is_value_byte(char byte)
{
    return phr_is(byte, PHR_TOKEN) || byte == ':' || byte == '[' || byte == ']';
}

static bool value_backwards(const char *start, const char **at, struct rhb_text *value)
{
    const char *end = *at, *first = end;
    if (end > start && end[-1] == '"')
        return quoted_backwards(start, at, value);
    while (first > start && is_value_byte(first[-1]))
        first--;
    *value = (struct rhb_text){first, (size_t)(end - first)};
    *at = first;
    return first < end;
}

static bool name_backwards(const char *start, const char **at, struct rhb_text *name)
{
    const char *end = *at, *first = end;
    while (first > start && phr_is(first[-1], PHR_TOKEN))
        first--;
    *name = (struct rhb_text){first, (size_t)(end - first)};
    *at = first;
    return first < end;
}

/* Where the value of a parameter goes; NULL for an extension parameter. */
static struct rhb_text *place_of(struct rhb_forwarded_element *element, const struct rhb_text *name)
{
    if (rhb_text_is(name, "for"))
        return &element->node;
    if (rhb_text_is(name, "proto"))
        return &element->proto;
    if (rhb_text_is(name, "host"))
        return &element->host;
    return rhb_text_is(name, "by") ? &element->by : NULL;
}

/* Reads name=value before *at. False when there is no such pair, or when it is the second of its
 * name. */
static bool pair_backwards(const char *start, const char **at,
                           struct rhb_forwarded_element *element)
{
    struct rhb_text name, value;
    if (!value_backwards(start, at, &value) || *at == start || (*at)[-1] != '=')
        return false;
    --*at;
    if (!name_backwards(start, at, &name))
        return false;
    struct rhb_text *place = place_of(element, &name);
    if (place == NULL)
        return true;
    bool twice = place->at != NULL;
    *place = value;
    return !twice;
}

static void skip_blanks_backwards(const char *start, const char **at)
{
    while (*at > start && phr_is_blank((*at)[-1]))
        --*at;
}

bool rhb_forwarded_previous_element(struct rhb_forwarded_list *list,
                                    struct rhb_forwarded_element *element)
{
    *element = (struct rhb_forwarded_element){0};
    if (!rhb_forwarded_has_more(list))
        return false;
    const char *at = list->end;
    while (at > list->start && at[-1] != ',') {
        if (at[-1] != ';' && !pair_backwards(list->start, &at, element))
            return false;
        skip_blanks_backwards(list->start, &at);
        if (at > list->start && at[-1] != ';' && at[-1] != ',')
            return false;
        if (at > list->start && at[-1] == ';')
            at--;
        skip_blanks_backwards(list->start, &at);
    }
    list->end = at;
    return true;
}
