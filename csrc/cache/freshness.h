/* Whether a response may be stored (RFC 9111 section 3), and whether one that is stored may be used
 * for a request (section 4, and RFC 5861). Pure functions. */
#ifndef RHB_CACHE_FRESHNESS_H
#define RHB_CACHE_FRESHNESS_H

#include "said.h"

/* How long a stored response is of use; seconds. */
struct rhb_lifetime {
    uint32_t fresh;       /* from its generation */
    uint32_t initial_age; /* when it was stored */
    uint32_t while_revalidate, if_error;
    uint8_t asks_each_time;  /* no-cache */
    uint8_t never_stale;     /* must-revalidate, proxy-revalidate */
    uint8_t stale_only_said; /* s-maxage: clients cannot allow it to be stale */
};

/* Whether an answer with this status is one to all requests for its target: not to the question of
 * one client, such as 206 or 304, and no error of one request, such as 416, 406 or 429. */
bool rhb_is_for_all(int status);

/* Whether a response that says this may be stored, and for how long. It is, when it says so
 * itself: by s-maxage, max-age or Expires, or by public if it has a validator; never by a guess.
 * authorized: the request had Authorization. */
bool rhb_may_store(const struct rhb_said *said, int status, bool authorized, int64_t now,
                   struct rhb_lifetime *lifetime);

enum rhb_use {
    RHB_USE,         /* it is fresh, or its client takes it stale */
    RHB_USE_AND_ASK, /* stale-while-revalidate: it is used, and somebody asks for another one */
    RHB_ASK          /* the application is asked first */
};

/* asked: the directives of the request. age: seconds, of the stored response now. */
enum rhb_use rhb_use_of(const struct rhb_lifetime *lifetime, const struct rhb_directives *asked,
                        uint64_t age);

/* Whether it may be used although the application has failed. */
bool rhb_use_if_error(const struct rhb_lifetime *lifetime, uint64_t age);

/* Whether this status is an error in the sense of RFC 5861 section 4. */
static inline bool rhb_is_error(int status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

#endif
