/* All values of one field as one list, read from its end (forwarded.h says why). Called by the
 * files of forwarded.h only. */
#ifndef RHB_FORWARDED_LIST_H
#define RHB_FORWARDED_LIST_H

#include "field_name.h"
#include "forwarded.h"

/* A part of a value. at NULL: absent. */
struct rhb_text {
    const char *at;
    size_t len;
};

struct rhb_forwarded_list {
    const struct phr_header *fields;
    size_t left; /* fields that have not been looked at */
    enum rhb_forwarded_field wanted;
    const char *start, *end; /* the unread part of the current value; NULL: no current value */
};

/* Whether the text is this word, in any case. */
static inline bool rhb_text_is(const struct rhb_text *text, const char *word)
{
    return rhb_name_is(text->at, text->len, word);
}

static inline bool rhb_field_is(const struct phr_header *field, const char *name)
{
    return rhb_name_is(field->name, field->name_len, name);
}

/* Which of enum rhb_forwarded_field it is; 0 for any other field. Inline, since every field of
 * every request is looked at. */
static inline unsigned rhb_forwarded_which(const struct phr_header *field)
{
    switch (field->name_len) {
    case sizeof "forwarded" - 1:
        return rhb_field_is(field, "forwarded") ? RHB_FORWARDED : 0;
    case sizeof "x-forwarded-for" - 1: /* and -ssl */
        if (rhb_field_is(field, "x-forwarded-for"))
            return RHB_X_FORWARDED_FOR;
        return rhb_field_is(field, "x-forwarded-ssl") ? RHB_X_FORWARDED_SSL : 0;
    case sizeof "x-forwarded-proto" - 1:
        return rhb_field_is(field, "x-forwarded-proto") ? RHB_X_FORWARDED_PROTO : 0;
    case sizeof "x-forwarded-host" - 1: /* and -port */
        if (rhb_field_is(field, "x-forwarded-host"))
            return RHB_X_FORWARDED_HOST;
        return rhb_field_is(field, "x-forwarded-port") ? RHB_X_FORWARDED_PORT : 0;
    case sizeof "x-forwarded-protocol" - 1:
        return rhb_field_is(field, "x-forwarded-protocol") ? RHB_X_FORWARDED_PROTOCOL : 0;
    default:
        return 0;
    }
}

/* Whether something is left. Then start and end are about the value whose last element is next, and
 * neither white space nor an empty element (RFC 9110 section 5.6.1.2) stands before end. */
bool rhb_forwarded_has_more(struct rhb_forwarded_list *list);

/* Reads the last element that is left, of a list without quoted strings. False when nothing is
 * left.
 */
bool rhb_forwarded_previous(struct rhb_forwarded_list *list, struct rhb_text *element);

#endif
