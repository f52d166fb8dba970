/* The atoms of the access log: which ones there are, and what each of them writes. Called by
 * format.c.
 */
#ifndef RHB_ACCESS_LOG_ATOMS_H
#define RHB_ACCESS_LOG_ATOMS_H

#include "format.h"

/* Space that is always left behind a value, in bytes, so that separators, numbers, the time and
 * short literals need no check. */
#define RHB_ACCESS_SLACK 64

struct rhb_access_line {
    struct rhb_bytes *out;
    const struct rhb_access_entry *entry;
    struct rhb_access_second *second;
};

struct rhb_access_item;

/* Writes one atom. out has RHB_ACCESS_SLACK bytes of space, which may be used up. False: no memory.
 */
typedef bool rhb_access_put(const struct rhb_access_line *line, const struct rhb_access_item *item);

/* A literal, and the atom that follows it. */
struct rhb_access_item {
    const char *text;
    size_t text_len;
    rhb_access_put *put; /* NULL in the last item */
    const char *name;    /* of a field, in lower case */
    size_t name_len;
    size_t index;          /* of an environ variable */
    rhb_access_put *inner; /* in JSON: put of the text format */
    bool in_string;        /* in JSON: between quotes of the format */
};

/* Sets put, and the name if the atom is a field. False: there is no such atom. */
bool rhb_access_atom(struct rhb_access_item *item, char letter);

/* The function for {name}i, {name}o, {name}e and {iso}t; NULL for any other letter. */
rhb_access_put *rhb_access_named_atom(char letter);

/* In formats for records.c: stands in front of each field in the atom of all fields, and is its
 * name. */
#define RHB_ACCESS_FIELD '\x1e'

/* The function for the atom of all fields; NULL for any other name. */
rhb_access_put *rhb_access_all_fields(const char *name, size_t len, char letter);

/* Whether {name}t is a time: iso is the only name. */
bool rhb_access_is_time(const char *name, size_t len);

/* Writes a text, escaped; "-" if it is empty. False: no memory. */
bool rhb_access_put_value(struct rhb_bytes *out, const char *text, size_t len);

/* Writes a time as seconds with microseconds. */
void rhb_access_put_duration(struct rhb_bytes *out, uint64_t ns);

/* Makes space for `more` bytes and the slack. False when there is no memory. */
static inline bool rhb_access_reserve(struct rhb_bytes *out, size_t more)
{
    more += RHB_ACCESS_SLACK;
    return out->cap - out->len >= more || rhb_bytes_reserve(out, more);
}

#endif
