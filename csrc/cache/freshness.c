#include "freshness.h"

/* Errors that are about the target (RFC 9110 section 15.1 lets caches guess them fresh). All others
 * may be about a field of one request that is in no key, whatever they say: its ranges, conditions,
 * expectation, credentials or size, or a proxy on its way. */
static bool is_about_target(int status)
{
    switch (status) {
    case 404:
    case 405:
    case 410:
    case 414:
    case 451:
    case 501:
        return true;
    default:
        return false;
    }
}

/* RFC 9110 section 15: those whose meaning for a cache is known. A response with must-understand is
 * stored only with one of them, and then whatever no-store says (RFC 9111 section 5.2.2.3). */
static bool is_understood(int status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return true;
    default:
        return is_about_target(status);
    }
}

bool rhb_is_for_all(int status)
{
    if (status == 206 || status == 226 || status == 304) /* 226: RFC 3229 section 10.4.1 */
        return false;
    return (status >= 200 && status < 400) || is_about_target(status);
}

static bool status_may_be_stored(const struct rhb_directives *said, int status)
{
    return rhb_is_for_all(status) && (!(said->seen & RHB_MUST_UNDERSTAND) || is_understood(status));
}

static bool is_forbidden(const struct rhb_said *said)
{
    unsigned seen = said->directives.seen;
    if (said->directives.broken || said->sets_cookie || said->has_credentials ||
        said->varies_by_all || (seen & RHB_PRIVATE))
        return true;
    return (seen & RHB_NO_STORE) && !(seen & RHB_MUST_UNDERSTAND);
}

static uint32_t seconds_between(int64_t from, int64_t to)
{
    if (to <= from)
        return 0;
    return to - from < RHB_MOST_SECONDS ? (uint32_t)(to - from) : RHB_MOST_SECONDS;
}

/* RFC 9111 section 4.2.1. False when it does not say. */
static bool find_lifetime(const struct rhb_said *said, int64_t now, uint32_t *fresh)
{
    unsigned seen = said->directives.seen;
    *fresh = 0;
    if (seen & RHB_S_MAXAGE)
        *fresh = said->directives.s_maxage;
    else if (seen & RHB_MAX_AGE)
        *fresh = said->directives.max_age;
    else if (said->has_expires && !said->targeted)
        *fresh = said->expires == INT64_MIN
                     ? 0
                     : seconds_between(said->has_date ? said->date : now, said->expires);
    else
        return false;
    return true;
}

bool rhb_may_store(const struct rhb_said *said, int status, bool authorized, int64_t now,
                   struct rhb_lifetime *lifetime)
{
    const struct rhb_directives *directives = &said->directives;
    unsigned seen = directives->seen;
    uint32_t age = said->has_date ? seconds_between(said->date, now) : 0;
    bool explicit = find_lifetime(said, now, &lifetime->fresh);
    /* section 3.5 */
    bool shared = (seen & (RHB_PUBLIC | RHB_S_MAXAGE | RHB_MUST_REVALIDATE)) != 0;
    if (is_forbidden(said) || !status_may_be_stored(directives, status) || (authorized && !shared))
        return false;
    lifetime->initial_age = age > said->age ? age : said->age; /* section 4.2.3 */
    lifetime->while_revalidate = directives->stale_while_revalidate;
    lifetime->if_error = directives->stale_if_error;
    lifetime->asks_each_time = (seen & RHB_NO_CACHE) != 0;
    lifetime->never_stale = (seen & (RHB_MUST_REVALIDATE | RHB_PROXY_REVALIDATE)) != 0;
    lifetime->stale_only_said = (seen & RHB_S_MAXAGE) != 0;
    bool useful = !lifetime->asks_each_time &&
                  (uint64_t)lifetime->fresh + lifetime->while_revalidate + lifetime->if_error >
                      lifetime->initial_age;
    bool has_validator = said->etag.at != NULL || said->last_modified.at != NULL;
    return (explicit || (seen & RHB_PUBLIC)) && (useful || has_validator);
}

enum rhb_use rhb_use_of(const struct rhb_lifetime *lifetime, const struct rhb_directives *asked,
                        uint64_t age)
{
    uint64_t stale = age >= lifetime->fresh ? age - lifetime->fresh : 0;
    bool is_fresh = age < lifetime->fresh;
    if (lifetime->asks_each_time || (asked->seen & RHB_NO_CACHE))
        return RHB_ASK;
    if ((asked->seen & RHB_MAX_AGE) && age > asked->max_age)
        return RHB_ASK;
    if ((asked->seen & RHB_MIN_FRESH) && age + asked->min_fresh > lifetime->fresh)
        return RHB_ASK;
    if (is_fresh)
        return RHB_USE;
    if (lifetime->never_stale)
        return RHB_ASK;
    if ((asked->seen & RHB_MAX_STALE) && !lifetime->stale_only_said && stale <= asked->max_stale)
        return RHB_USE;
    return stale < lifetime->while_revalidate ? RHB_USE_AND_ASK : RHB_ASK;
}

bool rhb_use_if_error(const struct rhb_lifetime *lifetime, uint64_t age)
{
    if (lifetime->never_stale || lifetime->asks_each_time)
        return false;
    return age < (uint64_t)lifetime->fresh + lifetime->if_error;
}
