/* The atoms of the access log: which there are, and what each writes. access_log_format.c puts them
 * in a row; this header is between the two. */
#ifndef RHB_ACCESS_LOG_ATOMS_H
#define RHB_ACCESS_LOG_ATOMS_H

#include "format.h"

/* Room that is always left behind a value, so that separators, numbers, the time and short literals
 * need no check of their own. */
#define RHB_ACCESS_SLACK 64

struct rhb_access_line {
    struct rhb_bytes *out;
    const struct rhb_access_entry *entry;
    struct rhb_access_second *second;
};

struct rhb_access_item;

/* Called with RHB_ACCESS_SLACK bytes of room in out, and may use them up. False: no memory. */
typedef bool rhb_access_put(const struct rhb_access_line *line, const struct rhb_access_item *item);

/* A literal and the atom behind it. */
struct rhb_access_item {
    const char *text;
    size_t text_len;
    rhb_access_put *put; /* NULL in the last item */
    const char *name;    /* of a field, in lower case */
    size_t name_len;
    size_t index; /* of an environ variable */
};

/* Sets put, and the name where the letter stands for a field. False: there is no such atom. */
bool rhb_access_atom(struct rhb_access_item *item, char letter);

/* What %({name}i)s, o and e write: NULL for another letter. */
rhb_access_put *rhb_access_named_atom(char letter);

/* Makes room for `more` bytes and the slack. */
static inline bool rhb_access_reserve(struct rhb_bytes *out, size_t more)
{
    more += RHB_ACCESS_SLACK;
    return out->cap - out->len >= more || rhb_bytes_reserve(out, more);
}

#endif
