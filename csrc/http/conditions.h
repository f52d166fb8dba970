/* Conditional requests (RFC 9110 section 13): whether the preconditions of a request hold for the
 * representation that would be sent. */
#ifndef RHB_CONDITIONS_H
#define RHB_CONDITIONS_H

#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <time.h>

struct rhb_validators {
    const char *etag; /* an entity-tag with its quotes, and W/ if it is weak */
    size_t etag_len;  /* 0: none */
    bool has_modified;
    bool changes;    /* it has been modified just now, so that its date is no strong validator */
    time_t modified; /* Last-Modified */
};

/* In the order of section 13.2.2, without If-Range. Returns 0, if the request is to be performed,
 * 304 or 412. reads: the method is GET or HEAD. now: seconds since 1970. */
int rhb_conditions_status(const struct rhb_validators *validators, const struct phr_header *fields,
                          size_t count, bool reads, time_t now);

/* Whether Range is to be looked at: there is no If-Range, or it has the current validator. */
bool rhb_conditions_allow_range(const struct rhb_validators *validators,
                                const struct phr_header *fields, size_t count, time_t now);

#endif
