/* csrc/loop/caching.c and csrc/cache/hits.c, filling.c, purging.c: what is answered, kept and taken
 * out.
 */
#define _GNU_SOURCE
#include "caching_fixture.h"

static void what_was_answered_is_answered_again(struct rhb_test *t)
{
    static const size_t sizes[] = {0, 1, 300, 8192, 8193, LARGEST};
    struct scene s;
    set_up_cache(&s, t);
    for (int by = 0; by < LISTENERS; by++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct client c = client_new(&s.f, by);
            char request[64];
            snprintf(request, sizeof request, GET("/%d-%zu"), by, i);
            fill(&s, &c, request, STORED, sizes[i]);
            unsigned requests = s.f.requests;
            for (int again = 0; again < 3; again++) {
                client_send_text(&s.f, &c, request);
                CHECK_INT(answer_to(&s.f, &c), 200);
                CHECK_INT(c.body_len, sizes[i]);
            }
            CHECK_INT(s.f.requests, requests);
            client_close(&c);
        }
    CHECK_INT(s.counts.hits, 3 * 2 * 6);
    CHECK_INT(s.counts.stored, 2 * 6);
    tear_down_cache(&s);
}

static void a_body_that_is_too_large_is_not_kept(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    CHECK_INT(respond(&s, ask(&s, &c, GET("/")), "200 OK", STORED, LARGEST + 1),
              RHB_FILLED_GATHERS);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(s.counts.stored, 0);
    ask(&s, &c, GET("/"));
    respond(&s, s.f.held, "200 OK", STORED, 10);
    client_close(&c);
    tear_down_cache(&s);
}

static void no_more_is_gathered_than_the_store_takes(struct rhb_test *t)
{
    struct rhb_cache_counts counts = {0};
    struct rhb_caching_options options = {.size = SIZE, .largest = UINT64_MAX, .counts = &counts};
    struct scene s;
    set_up_cache(&s, t);
    CHECK_INT(s.f.loop->cache->largest, LARGEST);
    options.memory = s.memory;
    rhb_cache_free(s.f.loop->cache);
    s.f.loop->n_answerers = 0;
    CHECK(rhb_caching_join(s.f.loop, &options));
    CHECK_INT(s.f.loop->cache->largest, rhb_store_largest(&s.f.loop->cache->store));
    tear_down_cache(&s);
}

static void a_stale_response_is_renewed_behind_the_client(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/"), "Cache-Control: max-age=5, stale-while-revalidate=60\r\nAge: 9\r\n", 50);
    client_send_text(&s.f, &c, GET("/"));
    s.f.held = NULL;
    CHECK_INT(answer_to(&s.f, &c), 200); /* before the application has answered */
    CHECK_INT(c.body_len, 50);
    restart_timer(&s.f);
    while (s.f.held == NULL && step(&s.f))
        ;
    if (CHECK(s.f.held != NULL && s.f.held->background))
        respond(&s, s.f.held, "200 OK", STORED, 70);
    client_send_text(&s.f, &c, GET("/"));
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 70);
    CHECK_INT(s.counts.stale, 1);
    client_close(&c);
    tear_down_cache(&s);
}

static void an_error_is_replaced_by_what_is_stale(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/"), "Cache-Control: max-age=5, stale-if-error=60\r\nAge: 9\r\n", 50);
    struct rhb_conn *conn = ask(&s, &c, GET("/"));
    CHECK_INT(respond(&s, conn, "502 Bad Gateway", "", 7), RHB_FILLED_REPLACED);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 50);
    client_close(&c);
    tear_down_cache(&s);
}

static void a_304_makes_what_is_stored_fresh(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/"), "Cache-Control: max-age=5\r\nETag: \"x\"\r\nAge: 9\r\n", 50);
    struct rhb_conn *conn = ask(&s, &c, GET("/"));
    struct rhb_text tag = rhb_filling_field(conn->filling, "etag");
    CHECK_STR(tag.at, tag.len, "\"x\"");
    CHECK_INT(respond(&s, conn, "304 Not Modified", "Age: 0\r\n", 0), RHB_FILLED_REPLACED);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 50);
    client_send_text(&s.f, &c, GET("/"));
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 50);
    CHECK_INT(s.counts.hits, 1);
    client_close(&c);
    tear_down_cache(&s);
}

static void what_a_post_has_changed_meanwhile_is_not_stored(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client reader = client_new(&s.f, BY_TCP), writer = client_new(&s.f, BY_TCP);
    struct rhb_conn *reading = ask(&s, &reader, GET("/"));
    rhb_loop_enter(s.f.loop, s.second);
    struct rhb_conn *writing =
        ask(&s, &writer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    respond(&s, writing, "200 OK", "", 1);
    rhb_loop_enter(s.f.loop, s.first);
    respond(&s, reading, "200 OK", STORED, 10);
    CHECK_INT(s.counts.stored, 0);
    CHECK_INT(answer_to(&s.f, &reader), 200);
    CHECK_INT(answer_to(&s.f, &writer), 200);
    client_close(&reader);
    client_close(&writer);
    tear_down_cache(&s);
}

/* For as long as they pass, requests are not asked about. */
static void a_response_that_may_be_stored_after_all_is(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    for (int i = 0; i < 3; i++) {
        struct rhb_conn *conn = ask(&s, &c, GET("/"));
        CHECK_INT(conn->cares, i == 0);
        CHECK_INT(respond(&s, conn, "200 OK", "", 10), RHB_FILLED_NOT);
        CHECK_INT(answer_to(&s.f, &c), 200);
        CHECK(rhb_caching_passes(s.f.loop, conn));
    }
    CHECK_INT(s.counts.misses, 1);
    fill(&s, &c, GET("/"), STORED, 20);
    client_send_text(&s.f, &c, GET("/"));
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 20);
    CHECK_INT(s.counts.hits, 1);
    client_close(&c);
    tear_down_cache(&s);
}

static void an_unsafe_request_of_a_url_that_passes_changes_it(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    respond(&s, ask(&s, &c, GET("/")), "200 OK", "", 10);
    CHECK_INT(answer_to(&s.f, &c), 200);
    uint64_t changed = s.f.loop->cache->memory->changed;
    respond(&s, ask(&s, &c, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"), "200 OK", "", 1);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK(s.f.loop->cache->memory->changed > changed);
    respond(&s, ask(&s, &c, GET("/")), "200 OK", "", 10);
    CHECK_INT(answer_to(&s.f, &c), 200);
    client_close(&c);
    tear_down_cache(&s);
}

/* Nothing is stored, and the application is not asked: also where requests pass. */
static void who_asks_only_for_what_is_stored_does_not_pass(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    respond(&s, ask(&s, &c, GET("/")), "200 OK", "", 10);
    CHECK_INT(answer_to(&s.f, &c), 200);
    unsigned requests = s.f.requests;
    client_send_text(&s.f, &c,
                     "GET / HTTP/1.1\r\nHost: a\r\nCache-Control: only-if-cached\r\n\r\n");
    CHECK_INT(answer_to(&s.f, &c), 504);
    CHECK_INT(s.f.requests, requests);
    client_close(&c);
    tear_down_cache(&s);
}

static void ask_to_purge(struct scene *s, uint32_t kind, const char *text)
{
    struct rhb_purge_desk *desk = s->f.loop->cache->desk;
    uint64_t number = atomic_load(&desk->asked) + 1;
    struct rhb_purge *purge = &desk->purges[number % RHB_PURGES];
    *purge = (struct rhb_purge){.kind = kind, .len = (uint32_t)strlen(text), .number = number};
    memcpy(purge->text, text, strlen(text));
    atomic_store(&desk->asked, number);
}

static void purges_are_carried_out_before_the_next_answer(struct rhb_test *t)
{
    static const struct {
        uint32_t kind;
        const char *text;
        bool matches;
    } rows[] = {
        {RHB_PURGE_URL, "http://a/page", true},
        {RHB_PURGE_URL, "HTTP://A/page", true},
        {RHB_PURGE_URL, "http://a/pag", false},
        {RHB_PURGE_URL, "http://a/page?", false},
        {RHB_PURGE_PREFIX, "http://a/pa", true},
        {RHB_PURGE_PREFIX, "http://a/Pa", false},
        {RHB_PURGE_PREFIX, "http://", true},
        {RHB_PURGE_PREFIX, "http://a.b/", false},
        {RHB_PURGE_TAG, "two", true},
        {RHB_PURGE_TAG, "four", true},
        {RHB_PURGE_TAG, "wo", false},
        {RHB_PURGE_TAG, "one,", false},
        {RHB_PURGE_ALL, "", true},
        {9, "", true},
    };
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask_to_purge(&s, RHB_PURGE_ALL, "");
        fill(&s, &c, GET("/page"), STORED "Cache-Tag: one, two\r\nSurrogate-Key: three four\r\n",
             10);
        ask_to_purge(&s, rows[i].kind, rows[i].text);
        unsigned requests = s.f.requests;
        s.f.held = NULL;
        client_send_text(&s.f, &c, GET("/page"));
        restart_timer(&s.f);
        while (s.f.held == NULL && !client_has_answer(&c) && step(&s.f))
            ;
        if (!CHECK_INT(s.f.requests - requests, rows[i].matches))
            rhb_note(t, "%s", rows[i].text);
        if (s.f.held != NULL)
            respond(&s, s.f.held, "200 OK", "", 1);
        CHECK_INT(answer_to(&s.f, &c), 200);
        memset(s.f.loop->cache->passes, 0, sizeof(s.f.loop->cache->passes));
    }
    client_close(&c);
    tear_down_cache(&s);
}

static void more_purges_than_there_are_places_purge_all(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STORED, 10);
    for (int i = 0; i < RHB_PURGES + 3; i++)
        ask_to_purge(&s, RHB_PURGE_TAG, "none");
    respond(&s, ask(&s, &c, GET("/page")), "200 OK", STORED, 10);
    CHECK_INT(answer_to(&s.f, &c), 200);
    client_close(&c);
    tear_down_cache(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(what_was_answered_is_answered_again),
        RHB_CASE(a_body_that_is_too_large_is_not_kept),
        RHB_CASE(no_more_is_gathered_than_the_store_takes),
        RHB_CASE(a_stale_response_is_renewed_behind_the_client),
        RHB_CASE(an_error_is_replaced_by_what_is_stale),
        RHB_CASE(a_304_makes_what_is_stored_fresh),
        RHB_CASE(what_a_post_has_changed_meanwhile_is_not_stored),
        RHB_CASE(a_response_that_may_be_stored_after_all_is),
        RHB_CASE(an_unsafe_request_of_a_url_that_passes_changes_it),
        RHB_CASE(who_asks_only_for_what_is_stored_does_not_pass),
        RHB_CASE(purges_are_carried_out_before_the_next_answer),
        RHB_CASE(more_purges_than_there_are_places_purge_all),
    };
    return RHB_RUN(cases);
}
