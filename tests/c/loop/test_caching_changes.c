/* csrc/loop/caching.c and csrc/cache/filling.c, refusing.c, purging.c: what has changed meanwhile
 * is not kept, and what is not kept harms nothing that is. */
#define _GNU_SOURCE
#include "caching_fixture.h"
#include "http/field_name.h"

#define BY_COOKIE "Vary: Cookie\r\n"
#define USER "GET /page HTTP/1.1\r\nHost: a\r\nCookie: user\r\n\r\n"
#define RELOAD "GET /page HTTP/1.1\r\nHost: a\r\nCache-Control: no-cache\r\n\r\n"
#define STALE "Cache-Control: max-age=5, stale-if-error=60\r\nETag: \"x\"\r\nAge: 9\r\n"

/* Whether the application is asked; the answer has come then, or it is held. */
static bool is_asked(struct scene *s, struct client *c, const char *request)
{
    s->f.held = NULL;
    client_send_text(&s->f, c, request);
    restart_timer(&s->f);
    while (s->f.held == NULL && !client_has_answer(c) && step(&s->f))
        ;
    return s->f.held != NULL;
}

/* The application answers so. */
static enum rhb_filled is_answered(struct scene *s, struct client *c, const char *request,
                                   const char *status, const char *fields)
{
    struct rhb_test *t = s->f.t;
    enum rhb_filled filled = respond(s, ask(s, c, request), status, fields, 5);
    CHECK(answer_to(&s->f, c) != 0);
    return filled;
}

static int lines_of(struct client *c, const char *lower)
{
    int count = 0;
    const char *at = c->got.data, *end = at + c->got.len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL)
        count += (size_t)(end - ++at) > strlen(lower) && rhb_same_name(at, lower, strlen(lower));
    return count;
}

static void what_was_purged_meanwhile_is_not_stored(struct rhb_test *t)
{
    static const char *const requests[] = {GET("/page"), RELOAD};
    for (int i = 0; i < 2; i++) {
        struct scene s;
        set_up_cache(&s, t);
        struct client c = client_new(&s.f, BY_TCP);
        struct rhb_conn *conn = ask(&s, &c, requests[i]);
        atomic_fetch_add(&s.f.loop->cache->desk->asked, 1);
        respond(&s, conn, "200 OK", STORED, 10);
        CHECK_INT(answer_to(&s.f, &c), 200);
        CHECK_INT(s.counts.stored, 0);
        is_answered(&s, &c, RELOAD, "200 OK", STORED);
        CHECK_INT(s.counts.stored, 1);
        client_close(&c);
        tear_down_cache(&s);
    }
}

static void what_was_purged_meanwhile_is_not_used_for_an_error(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STALE, 50);
    struct rhb_conn *conn = ask(&s, &c, GET("/page"));
    atomic_fetch_add(&s.f.loop->cache->desk->asked, 1);
    CHECK_INT(respond(&s, conn, "500 No", "", 5), RHB_FILLED_NOT);
    CHECK_INT(answer_to(&s.f, &c), 500);
    client_close(&c);
    tear_down_cache(&s);
}

static void a_private_answer_for_one_client_leaves_the_one_for_all(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STORED BY_COOKIE, 50);
    CHECK_INT(is_answered(&s, &c, USER, "200 OK", "Cache-Control: private\r\n" BY_COOKIE),
              RHB_FILLED_NOT);
    CHECK(!is_asked(&s, &c, GET("/page")));
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 50);
    CHECK_INT(s.counts.hits, 1);
    client_close(&c);
    tear_down_cache(&s);
}

static void what_is_stored_ends_the_time_in_which_requests_pass(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    is_answered(&s, &c, GET("/page"), "200 OK", "");
    is_answered(&s, &c, GET("/page"), "200 OK", STORED);
    CHECK(!is_asked(&s, &c, GET("/page")));
    CHECK_INT(answer_to(&s.f, &c), 200);
    client_close(&c);
    tear_down_cache(&s);
}

static void what_another_response_has_replaced_is_not_used_again(struct rhb_test *t)
{
    static const struct {
        const char *status, *fields;
        bool replaces;
    } rows[] = {
        {"200 OK", "Cache-Control: no-store\r\n", true},
        {"200 OK", "", true},
        {"302 Found", "", true},
        {"410 Gone", "", true},
        {"304 Not Modified", "Cache-Control: private\r\n", true},
        {"429 Too Many Requests", "", false},
        {"401 Unauthorized", "", false},
        {"503 Service Unavailable", "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        set_up_cache(&s, t);
        struct client c = client_new(&s.f, BY_TCP);
        fill(&s, &c, GET("/page"), STALE, 50);
        is_answered(&s, &c, GET("/page"), rows[i].status, rows[i].fields);
        enum rhb_filled filled = is_answered(&s, &c, GET("/page"), "500 No", "");
        if (!CHECK_INT(filled == RHB_FILLED_NOT, rows[i].replaces))
            rhb_note(t, "%s %s", rows[i].status, rows[i].fields);
        client_close(&c);
        tear_down_cache(&s);
    }
}

static void a_304_for_one_client_reaches_it_with_its_fields(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STALE, 50);
    struct rhb_conn *conn = ask(&s, &c, GET("/page"));
    CHECK_INT(respond(&s, conn, "304 Not Modified",
                      "Set-Cookie: a=b\r\nSurrogate-Control: max-age=9\r\n", 0),
              RHB_FILLED_REPLACED);
    restart_timer(&s.f);
    while (!client_has_answer(&c) && step(&s.f))
        ;
    CHECK_INT(lines_of(&c, "set-cookie:"), 1);
    CHECK_INT(lines_of(&c, "surrogate-control:"), 0);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 50);
    CHECK_INT(s.counts.stored, 1);
    client_close(&c);
    tear_down_cache(&s);
}

static void an_answer_has_one_age(struct rhb_test *t)
{
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STORED "Age: 7\r\n", 50);
    CHECK(!is_asked(&s, &c, GET("/page")));
    CHECK_INT(lines_of(&c, "age:"), 1);
    CHECK_INT(lines_of(&c, "age: 7\r\n"), 1);
    CHECK_INT(answer_to(&s.f, &c), 200);
    client_close(&c);
    tear_down_cache(&s);
}

static void an_absolute_form_changes_what_the_origin_form_is_answered_with(struct rhb_test *t)
{
    static const struct {
        const char *target;
        bool changes;
    } rows[] = {{"http://a/page?x", true}, {"http://a/page", false}, {"http://b/page?x", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        char post[128];
        set_up_cache(&s, t);
        struct client c = client_new(&s.f, BY_TCP);
        fill(&s, &c, GET("/page?x"), STORED, 50);
        snprintf(post, sizeof post, "POST %s HTTP/1.1\r\nHost: %c\r\nContent-Length: 0\r\n\r\n",
                 rows[i].target, rows[i].target[7]);
        is_answered(&s, &c, post, "200 OK", "");
        if (!CHECK_INT(is_asked(&s, &c, GET("/page?x")), rows[i].changes))
            rhb_note(t, "%s", rows[i].target);
        if (s.f.held != NULL)
            respond(&s, s.f.held, "200 OK", "", 1);
        CHECK_INT(answer_to(&s.f, &c), 200);
        client_close(&c);
        tear_down_cache(&s);
    }
}

/* As when the worker that holds it has been stopped. */
static void
without_the_lock_nothing_old_is_answered_and_nobody_waits_for_it_twice(struct rhb_test *t)
{
    enum { MANY = 30 };
    struct scene s;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    fill(&s, &c, GET("/page"), STORED, 50);
    fill(&s, &c, GET("/other"), STORED, 50);
    CHECK(rhb_store_lock(&s.f.loop->cache->store, 0));
    uint64_t before = rhb_now_exact();
    is_answered(&s, &c, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "200 OK",
                "");
    for (int i = 0; i < MANY; i++) {
        if (CHECK(is_asked(&s, &c, GET("/other"))))
            respond(&s, s.f.held, "200 OK", STORED, 1);
        CHECK_INT(answer_to(&s.f, &c), 200);
    }
    CHECK(rhb_now_exact() - before < MANY * 100 * MS);
    rhb_store_unlock(&s.f.loop->cache->store);
    if (CHECK(is_asked(&s, &c, GET("/page"))))
        respond(&s, s.f.held, "200 OK", STORED, 70);
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK(!is_asked(&s, &c, GET("/page")));
    CHECK_INT(answer_to(&s.f, &c), 200);
    CHECK_INT(c.body_len, 70);
    client_close(&c);
    tear_down_cache(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(what_was_purged_meanwhile_is_not_stored),
        RHB_CASE(what_was_purged_meanwhile_is_not_used_for_an_error),
        RHB_CASE(a_private_answer_for_one_client_leaves_the_one_for_all),
        RHB_CASE(what_is_stored_ends_the_time_in_which_requests_pass),
        RHB_CASE(what_another_response_has_replaced_is_not_used_again),
        RHB_CASE(a_304_for_one_client_reaches_it_with_its_fields),
        RHB_CASE(an_answer_has_one_age),
        RHB_CASE(an_absolute_form_changes_what_the_origin_form_is_answered_with),
        RHB_CASE(without_the_lock_nothing_old_is_answered_and_nobody_waits_for_it_twice),
    };
    return RHB_RUN(cases);
}
