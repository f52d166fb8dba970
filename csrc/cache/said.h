/* What a response says to a cache. */
#ifndef RHB_CACHE_SAID_H
#define RHB_CACHE_SAID_H

#include "directives.h"

struct rhb_text {
    const char *at; /* NULL: there is none */
    size_t len;
};

/* One field of a response; lines end with CRLF. Pointers point into the text. */
struct rhb_field_line {
    struct rhb_text name, value;
    const char *line, *behind; /* all of it, with its CRLF */
};

/* Goes on to the next of the field lines between *at and end; false when there is no other. */
bool rhb_next_field(const char **at, const char *end, struct rhb_field_line *field);

/* The value of the first field with this name, between these. */
struct rhb_text rhb_field_value(const char *fields, const char *end, const char *lower);

/* Pointers point into the fields that were read. */
struct rhb_said {
    struct rhb_directives directives; /* those that count: of a targeted field, or Cache-Control */
    bool targeted;                    /* they are of a targeted field: Expires says nothing then */
    bool has_expires;
    int64_t expires; /* seconds since 1970; INT64_MIN: no date, or two that differ */
    bool has_date;
    int64_t date;
    uint32_t age;
    bool sets_cookie;
    bool has_credentials; /* of a proxy: never stored (RFC 9111 section 3.1) */
    bool varies;
    bool varies_by_all; /* Vary: *, or more than can be kept */
    struct rhb_text etag, last_modified;
    int64_t modified; /* last_modified as a date; INT64_MIN: none */
};

/* Reads the fields of a response. now: seconds since 1970. */
void rhb_said_read(struct rhb_said *said, const char *fields, size_t len, int64_t now);

/* Takes the fields that are meant for this cache alone (Surrogate-Control, CDN-Cache-Control) out
 * of the text. age: Age too, which a cache writes itself. Returns its new length. */
size_t rhb_said_strip(char *fields, size_t len, bool age);

#endif
