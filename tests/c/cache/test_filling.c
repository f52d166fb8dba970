/* csrc/cache/hits.c, filling.c and refusing.c without a loop: what is answered and what is asked
 * for. tests/c/loop/test_caching*.c have the loop. */
#include "filling_fixture.h"
#include "http/field_name.h"

static int lines_of(const struct rhb_bytes *out, const char *lower)
{
    struct rhb_field_line field;
    const char *at = out->data;
    int count = 0;
    while (rhb_next_field(&at, out->data + out->len, &field))
        count += rhb_name_is(field.name.at, field.name.len, lower);
    return count;
}

static void a_response_that_is_refused_leaves_others_of_its_url_in_use(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    store(&s, GET(""), "Cache-Control: max-age=60\r\nVary: Cookie\r\nAge: 7\r\n");
    CHECK_INT(ask(&s, USER), RHB_VERDICT_ASK);
    CHECK_INT(respond(&s, "200 OK", "Cache-Control: private\r\nVary: Cookie\r\n", 5),
              RHB_FILLED_NOT);
    uint64_t tag = rhb_cache_tag(s.cache, &s.f.request);
    CHECK(rhb_cache_passes(s.cache, tag, 1));
    CHECK(!rhb_cache_passes_by(s.cache, tag, 1));
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
    CHECK_INT(lines_of(&s.out, "age"), 1);
    CHECK_INT(ask(&s, USER), RHB_VERDICT_ASK);
    CHECK(s.filling == NULL); /* nobody is to wait for it */
    tear_down(&s);
}

static void requests_pass_by_while_nothing_is_stored(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    ask(&s, GET(""));
    respond(&s, "200 OK", "", 5);
    uint64_t tag = rhb_cache_tag(s.cache, &s.f.request);
    struct rhb_moment now = rhb_cache_now(s.cache);
    CHECK(rhb_cache_passes_by(s.cache, tag, 1));
    rhb_filling_free(s.cache, s.filling);
    s.filling = rhb_filling_of(s.cache, &s.f.asker, &now);
    if (CHECK(s.filling != NULL))
        respond(&s, "200 OK", "Cache-Control: max-age=60\r\n", 5);
    CHECK(!rhb_cache_passes(s.cache, tag, 1));
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
    tear_down(&s);
}

static void what_the_store_does_not_take_is_refused(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    ask(&s, GET(""));
    struct rhb_fill claim = s.filling->claim;
    CHECK(s.filling->has_claim);
    CHECK_INT(respond(&s, "200 OK", "Cache-Control: max-age=60\r\n", SIZE / 2), RHB_FILLED_GATHERS);
    CHECK(!s.filling->has_claim);
    CHECK(rhb_fills_was_refused(&s.cache->memory->fills, &claim));
    tear_down(&s);
}

#define STALE "Cache-Control: max-age=5, stale-if-error=60\r\nETag: \"x\"\r\nAge: 9\r\n"

static void what_was_replaced_is_not_used_again(struct rhb_test *t)
{
    static const struct {
        const char *status, *fields;
        enum rhb_filled after;
    } rows[] = {
        {"200 OK", "", RHB_FILLED_NOT},
        {"200 OK", "Cache-Control: no-store\r\n", RHB_FILLED_NOT},
        {"302 Found", "", RHB_FILLED_NOT},
        {"410 Gone", "", RHB_FILLED_NOT},
        {"304 Not Modified", "Cache-Control: private\r\n", RHB_FILLED_NOT},
        {"304 Not Modified", "Set-Cookie: a=b\r\n", RHB_FILLED_NOT},
        {"429 Too Many Requests", "", RHB_FILLED_REPLACED},
        {"401 Unauthorized", "", RHB_FILLED_REPLACED},
        {"503 Service Unavailable", "", RHB_FILLED_REPLACED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        set_up(&s, t);
        store(&s, GET(""), STALE);
        ask(&s, GET(""));
        respond(&s, rows[i].status, rows[i].fields, 0);
        CHECK_INT(lines_of(&s.out, "set-cookie"), strncmp(rows[i].fields, "Set", 3) == 0);
        ask(&s, GET(""));
        CHECK(s.filling != NULL || rows[i].after == RHB_FILLED_NOT);
        if (s.filling != NULL && !CHECK_INT(respond(&s, "500 No", "", 0), rows[i].after))
            rhb_note(t, "%s %s", rows[i].status, rows[i].fields);
        tear_down(&s);
    }
}

static void a_304_without_age_makes_fresh_what_had_one(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    store(&s, GET(""), "Cache-Control: max-age=60\r\nETag: \"x\"\r\nAge: 90\r\n");
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ASK);
    char fields[64] = "Date: ";
    struct rhb_clock clock = {0};
    strcat(strcat(fields, rhb_clock_date(&clock)), "\r\n");
    CHECK_INT(respond(&s, "304 Not Modified", fields, 0), RHB_FILLED_REPLACED);
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
    tear_down(&s);
}

static void what_was_purged_is_not_used_for_an_error(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    store(&s, GET(""), STALE);
    ask(&s, GET(""));
    purge(&s, RHB_PURGE_URL, "http://a/page");
    CHECK_INT(respond(&s, "500 No", "", 0), RHB_FILLED_NOT);
    tear_down(&s);
}

/* Asks for /page with another value of the field A, as often as `times`. */
static void ask_variant(struct scene *s, int value, int times, const char *fields)
{
    char request[64];
    snprintf(request, sizeof request, "GET /page HTTP/1.1\r\nHost: a\r\nA: %d\r\n\r\n", value);
    for (; times > 0; times--)
        if (ask(s, request) == RHB_VERDICT_ASK)
            respond(s, "200 OK", fields, 5);
}

static void one_client_cannot_throw_out_what_is_used_by_inventing_variants(struct rhb_test *t)
{
    for (int times = 1; times <= 2; times++) {
        struct scene s;
        set_up(&s, t);
        store(&s, GET(""), "Cache-Control: max-age=60\r\nVary: A\r\n");
        CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
        for (int value = 0; value < 200; value++)
            ask_variant(&s, value, times, "Cache-Control: max-age=60\r\nVary: A\r\n");
        CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
        CHECK(atomic_load(&s.cache->store.head->records) <= 32);
        tear_down(&s);
    }
}

/* Which of the variants 0 to 30, and 51, which came last, have to be asked for again. */
static uint64_t asked_again(struct scene *s)
{
    uint64_t before = atomic_load(&s->counts.misses);
    for (int value = 0; value < 31; value++)
        ask_variant(s, value, 1, "");
    ask_variant(s, 51, 1, "");
    return atomic_load(&s->counts.misses) - before;
}

static void of_many_variants_one_that_is_stale_goes_first(struct rhb_test *t)
{
#define FRESH "Cache-Control: max-age=60\r\nVary: A\r\n"
    struct scene s;
    set_up(&s, t);
    ask_variant(&s, 50, 1, "Cache-Control: max-age=5, stale-if-error=9\r\nVary: A\r\nAge: 7\r\n");
    for (int value = 0; value < 31; value++)
        ask_variant(&s, value, 1, FRESH);
    ask_variant(&s, 51, 1, FRESH);
    CHECK_INT(asked_again(&s), 0);
    tear_down(&s);
}

static void of_many_variants_one_that_nobody_has_asked_for_again_goes_next(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    ask_variant(&s, 50, 1, FRESH);
    for (int value = 0; value < 31; value++)
        ask_variant(&s, value, 2, FRESH);
    ask_variant(&s, 51, 1, FRESH);
    CHECK_INT(asked_again(&s), 0);
    tear_down(&s);
}

static void a_304_of_another_version_makes_nothing_fresh(struct rhb_test *t)
{
#define BOTH "ETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    static const struct {
        const char *stored, *fields;
        bool fresh;
    } rows[] = {
        {"ETag: \"a\"\r\n", "ETag: \"a\"\r\n", true},
        {"ETag: \"a\"\r\n", "ETag: W/\"a\"\r\n", true},
        {"ETag: W/\"a\"\r\n", "ETag: \"a\"\r\n", true},
        {"ETag: \"a\"\r\n", "", true},
        {"ETag: \"a\"\r\n", "ETag: \"b\"\r\n", false},
        {"ETag: \"a\"\r\n", "ETag: W/\"b\"\r\n", false},
        {BOTH, "ETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\n", true},
        {BOTH, "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\n", false},
        {BOTH, "Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT\r\n", true},
        {"Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\n",
         "Last-Modified: Wednesday, 01-Jan-20 00:00:00 GMT\r\n", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        char fields[256];
        set_up(&s, t);
        snprintf(fields, sizeof fields, "Cache-Control: max-age=60\r\nAge: 90\r\n%s",
                 rows[i].stored);
        store(&s, GET(""), fields);
        CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ASK);
        struct rhb_clock clock = {0};
        snprintf(fields, sizeof fields, "Cache-Control: max-age=60\r\nDate: %s\r\nAge: 0\r\n%s",
                 rhb_clock_date(&clock), rows[i].fields);
        CHECK_INT(respond(&s, "304 Not Modified", fields, 0), RHB_FILLED_REPLACED);
        if (!CHECK_INT(ask(&s, GET("")), rows[i].fresh ? RHB_VERDICT_ANSWER : RHB_VERDICT_ASK))
            rhb_note(t, "%s: %s", rows[i].stored, rows[i].fields);
        CHECK(rows[i].fresh || (s.filling != NULL && !s.filling->has_old));
        tear_down(&s);
    }
}

/* RFC 9111 section 5.2.1.7: also when what is stored goes before the head is complete. */
static void who_asks_only_for_what_is_stored_has_its_body_at_once(struct rhb_test *t)
{
    struct scene s;
    struct rhb_answer answer;
    struct rhb_question question = {.request = &s.f.request, .peer = &s.f.peer, .out = &s.out};
    struct rhb_filling *filling;
    set_up(&s, t);
    store(&s, GET(""), "Cache-Control: max-age=60\r\n");
    read_request(&s.f, GET("Cache-Control: only-if-cached\r\n"));
    CHECK_INT(rhb_cache_ask(s.cache, &s.f.asker, true, &question, &answer, &filling, &s.fill),
              RHB_VERDICT_ANSWER);
    CHECK_INT(answer.head.status, 200);
    CHECK_INT(answer.len, 50);
    CHECK(answer.append == NULL);
    rhb_answer_release(&answer);
    CHECK_INT(s.counts.hits, 1);
    tear_down(&s);
}

/* The request is asked of the application, which is not to be the cause of a wait. */
static bool says(struct scene *s, const char *request, const char *why)
{
    struct rhb_moment now = rhb_cache_now(s->cache);
    ask(s, request);
    if (s->filling == NULL)
        s->filling = rhb_filling_of(s->cache, &s->f.asker, &now);
    respond(s, "200 OK", "Cache-Control: private\r\n", 5);
    return rhb_bytes_append(&s->out, "", 1) && strstr(s->out.data, why) != NULL;
}

static void cache_status_says_why_the_application_was_asked(struct rhb_test *t)
{
#define NO_CACHE GET("Cache-Control: no-cache\r\n")
#define AS(why) "Cache-Status: rhebok; fwd=" why "\r\n"
    struct scene s;
    set_up(&s, t);
    CHECK(says(&s, NO_CACHE, AS("miss")));
    store(&s, GET(""), "Cache-Control: max-age=60\r\nVary: Cookie\r\nAge: 5\r\n");
    CHECK(says(&s, NO_CACHE, AS("request")));
    CHECK(says(&s, GET("Pragma: no-cache\r\n"), AS("request")));
    CHECK(says(&s, GET("Cache-Control: max-age=1\r\n"), AS("request")));
    CHECK(says(&s, GET("Cache-Control: min-fresh=58\r\n"), AS("request")));
    CHECK(says(&s, USER, AS("miss"))); /* of a variant */
    purge(&s, RHB_PURGE_ALL, "");
    CHECK(says(&s, NO_CACHE, AS("miss")));
    tear_down(&s);
    set_up(&s, t);
    store(&s, GET(""), "Cache-Control: max-age=5, stale-if-error=9\r\nAge: 7\r\n");
    CHECK(says(&s, NO_CACHE, AS("stale")));
    CHECK(says(&s, GET(""), AS("stale")));
    tear_down(&s);
    set_up(&s, t);
    CHECK(says(&s, GET(""), AS("uri-miss")));
    tear_down(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_response_that_is_refused_leaves_others_of_its_url_in_use),
        RHB_CASE(requests_pass_by_while_nothing_is_stored),
        RHB_CASE(what_the_store_does_not_take_is_refused),
        RHB_CASE(what_was_replaced_is_not_used_again),
        RHB_CASE(a_304_without_age_makes_fresh_what_had_one),
        RHB_CASE(what_was_purged_is_not_used_for_an_error),
        RHB_CASE(one_client_cannot_throw_out_what_is_used_by_inventing_variants),
        RHB_CASE(of_many_variants_one_that_is_stale_goes_first),
        RHB_CASE(of_many_variants_one_that_nobody_has_asked_for_again_goes_next),
        RHB_CASE(a_304_of_another_version_makes_nothing_fresh),
        RHB_CASE(who_asks_only_for_what_is_stored_has_its_body_at_once),
        RHB_CASE(cache_status_says_why_the_application_was_asked),
    };
    return RHB_RUN(cases);
}
