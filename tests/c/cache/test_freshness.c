/* csrc/cache/said.c and freshness.c: what may be stored, and what may be used. */
#include "cache/freshness.h"
#include "harness.h"
#include "http/date.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define LATER "Sun, 06 Nov 1994 08:50:37 GMT"
#define TAG "ETag: \"a\"\r\n"
enum { NOT = -1 };

static bool may_store(const char *fields, int status, bool authorized,
                      struct rhb_lifetime *lifetime)
{
    struct rhb_said said;
    rhb_said_read(&said, fields, strlen(fields), NOW);
    return rhb_may_store(&said, status, authorized, NOW, lifetime);
}

/* fresh: seconds, or NOT */
struct row {
    const char *fields;
    int fresh;
};

static void check_rows(struct rhb_test *t, const struct row *rows, size_t count, int status,
                       bool authorized)
{
    for (size_t i = 0; i < count; i++) {
        struct rhb_lifetime lifetime = {0};
        bool stored = may_store(rows[i].fields, status, authorized, &lifetime);
        if (!CHECK_INT(stored ? (int)lifetime.fresh : NOT, rows[i].fresh))
            rhb_note(t, "%s", rows[i].fields);
    }
}

static void what_says_so_is_stored(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"", NOT},
        {TAG, NOT},
        {"Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n", NOT},
        {"Cache-Control: max-age=60\r\n", 60},
        {"cache-control:max-age=60\r\n", 60},
        {"Cache-Control: s-maxage=5, max-age=60\r\n", 5},
        {"Cache-Control: max-age=60, s-maxage=0\r\n", NOT},
        {"Cache-Control: max-age=60, s-maxage=0\r\n" TAG, 0},
        {"Cache-Control: public\r\n", NOT},
        {"Cache-Control: public\r\n" TAG, 0},
        {"Cache-Control: max-age=0\r\n", NOT},
        {"Cache-Control: max-age=0\r\n" TAG, 0},
        {"Cache-Control: max-age=60, private\r\n", NOT},
        {"Cache-Control: max-age=60\r\nCache-Control: private=\"x\"\r\n", NOT},
        {"Cache-Control: max-age=60, no-store\r\n", NOT},
        {"Cache-Control: max-age=60, no-cache\r\n", NOT},
        {"Cache-Control: max-age=60, no-cache\r\n" TAG, 60},
        {"Cache-Control: no-cache\r\n" TAG, NOT},
        {"Cache-Control: max-age=60, a=\"\r\n", NOT},
        {"Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", NOT},
        {"Cache-Control: public, s-maxage=60\r\nset-cookie: a=b\r\n", NOT},
        {"Cache-Control: max-age=60\r\nVary: *\r\n", NOT},
        {"Cache-Control: max-age=60\r\nVary: a\r\nVary: b, *\r\n", NOT},
        {"Cache-Control: max-age=60\r\nVary: a\r\n", 60},
        {"Cache-Control: max-age=60\r\nProxy-Authenticate: Basic\r\n", NOT},
        {"Expires: " LATER "\r\n", 60},
        {"Expires: " LATER "\r\n" DATE, 60},
        {"Expires: " LATER "\r\nDate: Sun, 06 Nov 1994 08:49:27 GMT\r\n", 70},
        {"Expires: 0\r\n", NOT},
        {"Expires: 0\r\n" TAG, 0},
        {"Expires: " LATER "\r\nExpires: 0\r\n", NOT},
        {"Expires: " LATER "\r\nCache-Control: max-age=5\r\n", 5},
        {"Cache-Control: max-age=60\r\nAge: 60\r\n", NOT},
        {"Cache-Control: max-age=60\r\nAge: 59\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: 60, 0\r\n", NOT},
        {"Cache-Control: max-age=60\r\nAge: 0, 60\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: 60\r\nAge: 0\r\n", NOT},
        {"Cache-Control: max-age=60\r\nAge: 0\r\nAge: 60\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: x\r\nAge: 60\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: \r\nAge: 60\r\n", NOT},
        {"Cache-Control: max-age=60\r\nAge: -60\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: 60.0\r\n", 60},
        {"Cache-Control: max-age=60\r\nAge: 99999999999999999999\r\n", NOT},
        {"Cache-Control: max-age=60\r\nDate: Sun, 06 Nov 1994 08:48:37 GMT\r\n", NOT},
        {"Cache-Control: max-age=60, must-understand, no-store\r\n", 60},
    };
    check_rows(t, rows, COUNT(rows), 200, false);
}

static void targeted_fields_come_first(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"CDN-Cache-Control: max-age=5\r\nCache-Control: private\r\n", 5},
        {"CDN-Cache-Control: no-store\r\nCache-Control: max-age=60\r\n", NOT},
        {"CDN-Cache-Control: max-age=x y\r\nCache-Control: max-age=60\r\n", 60},
        {"CDN-Cache-Control: \r\nCache-Control: max-age=60\r\n", 60},
        {"CDN-Cache-Control: public\r\nExpires: " LATER "\r\n", NOT},
        {"Surrogate-Control: max-age=7\r\nCDN-Cache-Control: max-age=5\r\n", 7},
        {"Surrogate-Control: max-age=7\r\nCache-Control: no-store, private\r\n", 7},
        {"Surrogate-Control: max-age=7;rhebok\r\nCache-Control: no-store\r\n", 7},
        {"Surrogate-Control: no-store;other\r\nCache-Control: max-age=6\r\n", 6},
        {"Surrogate-Control: content=\"ESI/1.0\"\r\nCDN-Cache-Control: max-age=5\r\n", 5},
        {"Surrogate-Control: max-age=7, a=\"\r\nCache-Control: max-age=6\r\n", NOT},
        {"CDN-Cache-Control: max-age=5\r\nSet-Cookie: a=b\r\n", NOT},
        {"CDN-Cache-Control: max-age=5\r\nCDN-Cache-Control: max-age=6\r\n", 6},
    };
    check_rows(t, rows, COUNT(rows), 200, false);
    char fields[] =
        "A: b\r\nSurrogate-Control: max-age=7\r\nage: 1\r\nC: d\r\ncdn-cache-control: x\r\n";
    size_t len = rhb_said_strip(fields, sizeof(fields) - 1, false);
    CHECK_STR(fields, len, "A: b\r\nage: 1\r\nC: d\r\n");
    CHECK_STR(fields, rhb_said_strip(fields, len, true), "A: b\r\nC: d\r\n");
}

/* RFC 9111 section 3.5 */
static void a_request_with_authorization_needs_leave(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"Cache-Control: max-age=60\r\n", NOT},
        {"Expires: " LATER "\r\n", NOT},
        {"Cache-Control: max-age=60, public\r\n", 60},
        {"Cache-Control: s-maxage=60\r\n", 60},
        {"Cache-Control: max-age=60, must-revalidate\r\n", 60},
        {"Cache-Control: max-age=60, proxy-revalidate\r\n", NOT},
    };
    check_rows(t, rows, COUNT(rows), 200, true);
}

static void statuses_are_told_apart(struct rhb_test *t)
{
    static const int stored[] = {200, 203, 204, 299, 300, 301, 302, 303,
                                 307, 308, 404, 405, 410, 414, 451, 501};
    /* of one request: its fields, its client, or a failure */
    static const int not_stored[] = {101, 206, 226, 304, 400, 401, 402, 403, 406, 407, 408,
                                     409, 411, 412, 413, 415, 416, 417, 421, 422, 425, 426,
                                     428, 429, 431, 499, 500, 502, 503, 504, 505, 511, 599};
    struct rhb_lifetime lifetime;
    for (size_t i = 0; i < COUNT(stored); i++)
        CHECK(may_store("Cache-Control: max-age=60\r\n", stored[i], false, &lifetime));
    for (size_t i = 0; i < COUNT(not_stored); i++) {
        CHECK(!may_store("Cache-Control: max-age=60\r\n", not_stored[i], false, &lifetime));
        CHECK(!may_store("Cache-Control: public, s-maxage=60\r\n" TAG, not_stored[i], false,
                         &lifetime));
    }
    CHECK(!may_store("Cache-Control: max-age=60, must-understand\r\n", 299, false, &lifetime));
    CHECK(may_store("Cache-Control: max-age=60, must-understand\r\n", 404, false, &lifetime));
}

static enum rhb_use use(const char *response, const char *request, uint64_t age)
{
    struct rhb_lifetime lifetime = {0};
    struct rhb_directives asked = {0};
    may_store(response, 200, false, &lifetime);
    rhb_directives_read(&asked, request, strlen(request));
    return rhb_use_of(&lifetime, &asked, age);
}

static void what_is_fresh_is_used(struct rhb_test *t)
{
#define MAX_AGE "Cache-Control: max-age=60\r\n"
    static const struct {
        const char *response, *request;
        uint64_t age;
        enum rhb_use use;
    } rows[] = {
        {MAX_AGE, "", 0, RHB_USE},
        {MAX_AGE, "", 59, RHB_USE},
        {MAX_AGE, "", 60, RHB_ASK},
        {MAX_AGE, "no-cache", 0, RHB_ASK},
        {MAX_AGE, "max-age=10", 10, RHB_USE},
        {MAX_AGE, "max-age=10", 11, RHB_ASK},
        {MAX_AGE, "min-fresh=10", 50, RHB_USE},
        {MAX_AGE, "min-fresh=10", 51, RHB_ASK},
        {MAX_AGE, "max-stale=5", 65, RHB_USE},
        {MAX_AGE, "max-stale=5", 66, RHB_ASK},
        {MAX_AGE, "max-stale", 6000, RHB_USE},
        {MAX_AGE, "no-store", 0, RHB_USE},
        {"Cache-Control: max-age=60, must-revalidate\r\n", "max-stale", 61, RHB_ASK},
        {"Cache-Control: max-age=60, proxy-revalidate\r\n", "max-stale", 61, RHB_ASK},
        {"Cache-Control: s-maxage=60\r\n", "max-stale", 61, RHB_ASK},
        {"Cache-Control: max-age=60, no-cache\r\n" TAG, "", 0, RHB_ASK},
        {"Cache-Control: max-age=60, stale-while-revalidate=10\r\n", "", 60, RHB_USE_AND_ASK},
        {"Cache-Control: max-age=60, stale-while-revalidate=10\r\n", "", 69, RHB_USE_AND_ASK},
        {"Cache-Control: max-age=60, stale-while-revalidate=10\r\n", "", 70, RHB_ASK},
        {"Cache-Control: s-maxage=60, stale-while-revalidate=10\r\n", "", 65, RHB_USE_AND_ASK},
        {"Cache-Control: max-age=60, stale-while-revalidate=10, must-revalidate\r\n", "", 65,
         RHB_ASK},
        {"Cache-Control: max-age=60, stale-while-revalidate=10\r\n", "max-age=3", 65, RHB_ASK},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!CHECK_INT(use(rows[i].response, rows[i].request, rows[i].age), rows[i].use))
            rhb_note(t, "%s %s %d", rows[i].response, rows[i].request, (int)rows[i].age);
}

static void an_error_leaves_what_is_stale_in_use(struct rhb_test *t)
{
    struct rhb_lifetime lifetime;
    may_store("Cache-Control: max-age=60, stale-if-error=10\r\n", 200, false, &lifetime);
    CHECK(rhb_use_if_error(&lifetime, 69));
    CHECK(!rhb_use_if_error(&lifetime, 70));
    may_store("Cache-Control: max-age=60, stale-if-error=10, must-revalidate\r\n", 200, false,
              &lifetime);
    CHECK(!rhb_use_if_error(&lifetime, 61));
    CHECK(rhb_is_error(500) && rhb_is_error(502) && rhb_is_error(504));
    CHECK(!rhb_is_error(501) && !rhb_is_error(505) && !rhb_is_error(404));
}

static void dates_are_read(struct rhb_test *t)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: none */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", NOW},
        {"Sunday, 06-Nov-94 08:49:37 GMT", NOW},
        {"Sun Nov  6 08:49:37 1994", NOW},
        {"Sun Nov 16 08:49:37 1994", NOW + 864000},
        {"Thu, 01 Jan 1970 00:00:01 GMT", 1},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Mon, 29 Feb 2100 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Sun, 06 Nov 1994 08:49:37 UTC", 0},
        {"Sun, 06 Nov 1994 08:49:37", 0},
        {"Sun, 6 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 nov 1994 08:49:37 GMT", 0},
        {"Sun, 00 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 31 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 24:00:00 GMT", 0},
        {"Sun, 06 Nov 1994 08:60:00 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", 0},
        {"Sun, 06 Nov 94 08:49:37 GMT", 0},
        {"0", 0},
        {"", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        struct rhb_guard guard = rhb_guard_new(len + 1);
        int64_t seconds = 0;
        if (!rhb_date_read(rhb_guard_put(&guard, rows[i].text, len), len, NOW, &seconds))
            seconds = 0;
        if (!CHECK_INT(seconds, rows[i].seconds))
            rhb_note(t, "%s", rows[i].text);
        rhb_guard_free(&guard);
    }
    int64_t seconds;
    CHECK(rhb_date_read("Friday, 01-Jan-60 00:00:00 GMT", 30, NOW, &seconds));
    CHECK(seconds < 0); /* 2060 is more than 50 years after 1994 */
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(what_says_so_is_stored),
        RHB_CASE(targeted_fields_come_first),
        RHB_CASE(a_request_with_authorization_needs_leave),
        RHB_CASE(statuses_are_told_apart),
        RHB_CASE(what_is_fresh_is_used),
        RHB_CASE(an_error_leaves_what_is_stale_in_use),
        RHB_CASE(dates_are_read),
    };
    return RHB_RUN(cases);
}
