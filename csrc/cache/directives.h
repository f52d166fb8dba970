/* The directives of Cache-Control (RFC 9111 section 5.2, RFC 5861), of requests and responses, and
 * those of the fields that are meant for caches like this one (RFC 9213). Pure functions. */
#ifndef RHB_CACHE_DIRECTIVES_H
#define RHB_CACHE_DIRECTIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rhb_directive {
    RHB_NO_STORE = 1 << 0,
    RHB_NO_CACHE = 1 << 1,
    RHB_PRIVATE = 1 << 2,
    RHB_PUBLIC = 1 << 3,
    RHB_MUST_REVALIDATE = 1 << 4,
    RHB_PROXY_REVALIDATE = 1 << 5,
    RHB_MUST_UNDERSTAND = 1 << 6,
    RHB_ONLY_IF_CACHED = 1 << 7,
    RHB_MAX_AGE = 1 << 8, /* those from here on have a number */
    RHB_S_MAXAGE = 1 << 9,
    RHB_MAX_STALE = 1 << 10,
    RHB_MIN_FRESH = 1 << 11,
    RHB_STALE_WHILE_REVALIDATE = 1 << 12,
    RHB_STALE_IF_ERROR = 1 << 13
};

/* RFC 9111 section 1.2.2: what a number of seconds that is too large stands for. */
#define RHB_MOST_SECONDS UINT32_C(0x80000000)

/* False when the text is no number. */
bool rhb_seconds_read(const char *text, size_t len, uint32_t *seconds);

struct rhb_directives {
    unsigned seen; /* of enum rhb_directive */
    bool broken;   /* a quoted string has no end: what stands in it is not known */
    uint32_t max_age, s_maxage, max_stale, min_fresh, stale_while_revalidate, stale_if_error;
};

/* Adds the directives of one field line. What is unknown is ignored. What restricts is honoured
 * however it is written (no-cache="a", no-store=1). A number that is none is 0, and so are two that
 * differ (RFC 9111 section 4.2.1: such a response is stale); but max-stale without a number is any.
 */
void rhb_directives_read(struct rhb_directives *directives, const char *value, size_t len);

/* The same for a line of Surrogate-Control (Edge Architecture Specification, 2001): a directive may
 * be followed by ';' and the one cache that it is for, and max-age=60+30 is for 30 seconds more of
 * use while it is renewed. What is for another cache is ignored. */
void rhb_directives_read_surrogate(struct rhb_directives *directives, const char *value,
                                   size_t len);

/* The same for a line of a targeted field, which is a dictionary of structured fields (RFC 9213
 * section 2.1, RFC 9651 section 3.2). The last one of two counts. False when it is empty or is
 * none: then the whole field is to be ignored. */
bool rhb_directives_read_targeted(struct rhb_directives *directives, const char *value, size_t len);

#endif
