/* csrc/http/conditions.c: preconditions (RFC 9110 section 13). */
#include "harness.h"
#include "http/conditions.h"
#include "request_fields.h"

#define NOW 1700000000
#define MODIFIED 784111777
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT"

/* The representation has the entity tag "a", or W/"a", and was modified at DATE. */
static const struct {
    const char *fields;
    int strong, weak; /* the status; 0: performed */
} cases_of_get[] = {
    {"", 0, 0},
    {"If-Match: \"a\"", 0, 412}, /* 13.1.1: strong comparison */
    {"If-Match: W/\"a\"", 412, 412},
    {"If-Match: \"b\"", 412, 412},
    {"If-Match: \"b\", \"a\"", 0, 412},
    {"If-Match: \"b\" ,, \"a\"", 0, 412},
    {"If-Match: \"b\"\nIf-Match: \"a\"", 0, 412},
    {"if-match: *", 0, 0},
    {"If-Match: ", 412, 412},
    {"If-Match: a", 412, 412},
    {"If-Match: \"a", 412, 412},
    {"If-Match: \"b\"\"a\"", 412, 412},
    {"If-Match: x, \"a\"", 412, 412}, /* nothing behind a mistake counts */
    {"If-Unmodified-Since: " DATE, 0, 0},
    {"If-Unmodified-Since: " LATER, 0, 0},
    {"If-Unmodified-Since: " EARLIER, 412, 412},
    {"If-Unmodified-Since: yesterday", 0, 0},
    {"If-Match: \"a\"\nIf-Unmodified-Since: " EARLIER, 0, 412}, /* 13.2.2 step 2 */
    {"If-None-Match: \"a\"", 304, 304},                         /* 13.1.2: weak comparison */
    {"If-None-Match: W/\"a\"", 304, 304},
    {"If-None-Match: \"b\"", 0, 0},
    {"If-None-Match: \"b\", W/\"a\"", 304, 304},
    {"If-None-Match: \"b\"\nIf-None-Match: \"a\"", 304, 304},
    {"If-None-Match: \"b,c\", \"a\"", 304, 304}, /* a comma inside quotes */
    {"If-None-Match: *", 304, 304},
    {"If-None-Match: *, \"b\"", 0, 0},
    {"If-None-Match: w/\"a\"", 0, 0}, /* the W is in upper case */
    {"If-Modified-Since: " DATE, 304, 304},
    {"If-Modified-Since: " LATER, 304, 304},
    {"If-Modified-Since: " EARLIER, 0, 0},
    {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304, 304},
    {"If-Modified-Since: Sun Nov  6 08:49:37 1994", 304, 304},
    {"If-Modified-Since: yesterday", 0, 0},
    {"If-Modified-Since: " DATE "\nIf-Modified-Since: " DATE, 0, 0},
    {"If-None-Match: \"b\"\nIf-Modified-Since: " DATE, 0, 0}, /* 13.2.2 step 4 */
    {"If-Match: \"a\"\nIf-None-Match: \"a\"", 304, 412},      /* steps 1 and 3 */
    {"If-Match: \"b\"\nIf-None-Match: \"a\"", 412, 412},
    {"If-Unmodified-Since: " EARLIER "\nIf-Modified-Since: " DATE, 412, 412},
};

static struct rhb_validators validators(const char *etag)
{
    return (struct rhb_validators){
        .etag = etag, .etag_len = strlen(etag), .has_modified = true, .modified = MODIFIED};
}

static int status_of(const struct rhb_validators *of, const char *text, bool reads)
{
    struct request_fields found = request_fields(text);
    return rhb_conditions_status(of, found.fields, found.count, reads, NOW);
}

static void the_conditions_of_a_get_have_their_order(struct rhb_test *t)
{
    struct rhb_validators strong = validators("\"a\""), weak = validators("W/\"a\"");
    for (size_t i = 0; i < sizeof cases_of_get / sizeof *cases_of_get; i++) {
        const char *fields = cases_of_get[i].fields;
        if (!CHECK_INT(status_of(&strong, fields, true), cases_of_get[i].strong) ||
            !CHECK_INT(status_of(&weak, fields, true), cases_of_get[i].weak))
            rhb_note(t, "%s", fields);
    }
}

static void other_methods_fail_where_a_get_is_not_modified(struct rhb_test *t)
{
    struct rhb_validators strong = validators("\"a\"");
    CHECK_INT(status_of(&strong, "If-None-Match: *", false), 412);
    CHECK_INT(status_of(&strong, "If-None-Match: \"a\"", false), 412);
    CHECK_INT(status_of(&strong, "If-Modified-Since: " DATE, false), 0);
}

static void without_validators_dates_and_tags_say_nothing(struct rhb_test *t)
{
    struct rhb_validators none = {0};
    CHECK_INT(status_of(&none, "If-Modified-Since: " DATE, true), 0);
    CHECK_INT(status_of(&none, "If-Unmodified-Since: " EARLIER, true), 0);
    CHECK_INT(status_of(&none, "If-None-Match: \"a\"", true), 0);
    CHECK_INT(status_of(&none, "If-None-Match: *", true), 304);
    CHECK_INT(status_of(&none, "If-Match: \"a\"", true), 412);
}

static const struct {
    const char *fields;
    bool strong, weak;
} ranges[] = {
    {"", true, true},
    {"If-Range: \"a\"", true, false}, /* 13.1.5: strong comparison */
    {"If-Range: W/\"a\"", false, false},
    {"If-Range: \"b\"", false, false},
    {"If-Range: \"a\", \"b\"", false, false},
    {"If-Range: *", false, false},
    {"If-Range: " DATE, true, false}, /* the weak one has been modified just now */
    {"If-Range: " LATER, false, false},
    {"If-Range: " EARLIER, false, false},
    {"If-Range: \"a\"\nIf-Range: \"a\"", false, false},
    {"If-Range: ", false, false},
};

static void a_range_needs_the_current_validator(struct rhb_test *t)
{
    struct rhb_validators strong = validators("\"a\""), weak = validators("W/\"a\"");
    weak.changes = true;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct request_fields found = request_fields(ranges[i].fields);
        bool of_strong = rhb_conditions_allow_range(&strong, found.fields, found.count, NOW);
        bool of_weak = rhb_conditions_allow_range(&weak, found.fields, found.count, NOW);
        if (!CHECK_INT(of_strong, ranges[i].strong) || !CHECK_INT(of_weak, ranges[i].weak))
            rhb_note(t, "%s", ranges[i].fields);
    }
}

static const struct rhb_case cases[] = {
    RHB_CASE(the_conditions_of_a_get_have_their_order),
    RHB_CASE(other_methods_fail_where_a_get_is_not_modified),
    RHB_CASE(without_validators_dates_and_tags_say_nothing),
    RHB_CASE(a_range_needs_the_current_validator),
};

int main(void)
{
    return RHB_RUN(cases);
}
