/* csrc/cache/purging.c and changing.c without a loop: what is out is not answered, and what was
 * asked for before is not stored. */
#include "filling_fixture.h"

/* A fill of http://a/page with the tag `one` begins, a purge comes, and the fill ends. with:
 * whether it has had a filling before its response. Returns how much was stored. */
static uint64_t store_around(struct scene *s, bool with, const struct rhb_purge *row, int times)
{
    struct rhb_moment asked_at = rhb_cache_now(s->cache);
    if (with) {
        ask(s, GET(""));
    } else {
        rhb_filling_free(s->cache, s->filling);
        read_request(&s->f, GET("Cache-Control: no-cache\r\n"));
    }
    for (int i = 0; i < times; i++)
        purge(s, row->kind, row->text);
    if (!with)
        s->filling = rhb_filling_of(s->cache, &s->f.asker, &asked_at);
    if (s->filling != NULL)
        respond(s, "200 OK", "Cache-Control: max-age=60\r\nCache-Tag: one\r\n", 5);
    return atomic_load(&s->counts.stored);
}

static void what_is_asked_for_before_its_purge_is_not_stored(struct rhb_test *t)
{
    static const struct row {
        struct rhb_purge purge;
        int times;
        bool stores;
    } rows[] = {
        {{.kind = RHB_PURGE_ALL}, 1, false},
        {{.kind = RHB_PURGE_URL, .text = "http://a/page"}, 1, false},
        {{.kind = RHB_PURGE_URL, .text = "http://a/other"}, 1, true},
        {{.kind = RHB_PURGE_URL, .text = "http://a/other"}, RHB_PURGES + 2, false},
        {{.kind = RHB_PURGE_PREFIX, .text = "http://a/"}, 1, false},
        {{.kind = RHB_PURGE_PREFIX, .text = "http://b/"}, 3, true},
        {{.kind = RHB_PURGE_TAG, .text = "one"}, 1, false},
        {{.kind = RHB_PURGE_TAG, .text = "two"}, 2, true},
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i / 2];
        struct scene s;
        set_up(&s, t);
        if (!CHECK_INT(store_around(&s, i % 2, &row->purge, row->times), row->stores))
            rhb_note(t, "%d %s", (int)row->purge.kind, row->purge.text);
        CHECK_INT(ask(&s, GET("")), row->stores ? RHB_VERDICT_ANSWER : RHB_VERDICT_ASK);
        tear_down(&s);
    }
}

/* As when the worker that holds it has been stopped. */
static void without_the_lock_nothing_old_is_answered(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    store(&s, GET(""), "Cache-Control: max-age=60\r\n");
    CHECK(rhb_store_lock(&s.cache->store, 0));
    read_request(&s.f, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    rhb_cache_invalidate(s.cache, &s.f.asker, "", 0);
    uint64_t before = rhb_now_exact();
    for (int i = 0; i < 30; i++)
        CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ASK);
    CHECK(rhb_now_exact() - before < 30 * 100 * RHB_NS_PER_MS);
    rhb_store_unlock(&s.cache->store);
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ASK);
    CHECK(s.filling != NULL);
    CHECK_INT(respond(&s, "200 OK", "Cache-Control: max-age=60\r\n", 5), RHB_FILLED_GATHERS);
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
    tear_down(&s);
}

static void what_is_purged_is_out_while_another_one_has_the_lock(struct rhb_test *t)
{
    static const struct row {
        struct rhb_purge purge;
        bool answers;
    } rows[] = {
        {{.kind = RHB_PURGE_ALL}, false},
        {{.kind = RHB_PURGE_URL, .text = "http://a/page"}, false},
        {{.kind = RHB_PURGE_URL, .text = "http://A/page"}, false},
        {{.kind = RHB_PURGE_PREFIX, .text = "http://a/p"}, false},
        {{.kind = RHB_PURGE_TAG, .text = "one"}, false},
        {{.kind = RHB_PURGE_URL, .text = "http://a/pag"}, true},
        {{.kind = RHB_PURGE_TAG, .text = "two"}, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        set_up(&s, t);
        store(&s, GET(""), "Cache-Control: max-age=60\r\nCache-Tag: one\r\n");
        CHECK(rhb_store_lock(&s.cache->store, 0));
        purge(&s, rows[i].purge.kind, rows[i].purge.text);
        uint64_t before = rhb_now_exact();
        if (!CHECK_INT(ask(&s, GET("")), rows[i].answers ? RHB_VERDICT_ANSWER : RHB_VERDICT_ASK))
            rhb_note(t, "%d %s", (int)rows[i].purge.kind, rows[i].purge.text);
        CHECK(rhb_now_exact() - before < 100 * RHB_NS_PER_MS); /* nobody waits for the lock */
        rhb_store_unlock(&s.cache->store);
        tear_down(&s);
    }
}

/* What comes to /N with N from `first` on. Returns how many are answered from the cache. */
static int ask_many(struct scene *s, int first, int count, bool stores)
{
    int answered = 0;
    for (int i = first; i < first + count; i++) {
        char request[64];
        snprintf(request, sizeof request, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        answered += ask(s, request) == RHB_VERDICT_ANSWER;
        if (stores && s->filling != NULL)
            respond(s, "200 OK", "Cache-Control: max-age=60\r\n", 5);
    }
    return answered;
}

static void a_large_store_is_swept_in_steps_and_keeps_what_comes_meanwhile(struct rhb_test *t)
{
    enum { MANY = 4000 };
    struct scene s;
    set_up_sized(&s, t, 64 << 20);
    struct rhb_purge_desk *desk = s.cache->desk;
    ask_many(&s, 0, MANY, true);
    purge(&s, RHB_PURGE_ALL, "");
    CHECK_INT(ask_many(&s, 0, 1, true), 0);
    CHECK_INT(atomic_load(&desk->done), 0);        /* the first step is not the last */
    CHECK_INT(ask_many(&s, MANY - 1, 1, true), 0); /* in the place of the old one, not swept yet */
    CHECK_INT(ask_many(&s, 0, 1, true) + ask_many(&s, MANY - 1, 1, true), 2);
    for (int steps = 0; atomic_load(&desk->done) == 0 && steps < 1000; steps++)
        rhb_cache_sweep(s.cache);
    CHECK_INT(atomic_load(&desk->done), 1);
    CHECK_INT(atomic_load(&desk->removed), MANY - 1);
    CHECK_INT(ask_many(&s, 0, MANY, false), 2);
    tear_down(&s);
}

static void a_purge_that_comes_during_a_sweep_is_carried_out_by_the_next(struct rhb_test *t)
{
    struct scene s;
    set_up_sized(&s, t, 64 << 20);
    struct rhb_purge_desk *desk = s.cache->desk;
    ask_many(&s, 0, 10, true);
    purge(&s, RHB_PURGE_URL, "http://a/1");
    rhb_cache_sweep(s.cache);
    for (int i = 2; i < 5; i++) {
        char url[32];
        snprintf(url, sizeof url, "http://a/%d", i);
        purge(&s, RHB_PURGE_URL, url);
    }
    CHECK_INT(ask_many(&s, 0, 10, false), 6);
    while (atomic_load(&desk->done) < atomic_load(&desk->asked))
        rhb_cache_sweep(s.cache);
    CHECK_INT(atomic_load(&desk->removed), 4);
    CHECK_INT(ask_many(&s, 0, 10, false), 6);
    tear_down(&s);
}

/* More purges than have places are one of everything, also for what came between them. */
static void too_many_purges_are_one_of_everything(struct rhb_test *t)
{
    struct scene s;
    set_up(&s, t);
    purge(&s, RHB_PURGE_URL, "http://a/other");
    store(&s, GET(""), "Cache-Control: max-age=60\r\n");
    for (int i = 0; i < RHB_PURGES; i++)
        purge(&s, RHB_PURGE_URL, "http://a/other");
    for (int i = 0; i < 3; i++)
        CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ASK);
    CHECK_INT(atomic_load(&s.cache->desk->done), RHB_PURGES + 1);
    tear_down(&s);
}

static void a_change_of_another_url_lets_a_response_be_stored(struct rhb_test *t)
{
    static const struct {
        const char *posts;
        int times;
        bool stores;
    } rows[] = {
        {"POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 1, true},
        {"POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", RHB_CHANGES - 1, true},
        {"POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", RHB_CHANGES, false},
        {"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 1, false},
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        struct rhb_filling *filling = NULL;
        set_up(&s, t);
        struct rhb_moment asked_at = rhb_cache_now(s.cache);
        if (i % 2 == 0) {
            ask(&s, GET(""));
            filling = s.filling;
            s.filling = NULL;
        }
        read_request(&s.f, rows[i / 2].posts);
        for (int times = 0; times < rows[i / 2].times; times++)
            rhb_cache_invalidate(s.cache, &s.f.asker, "", 0);
        read_request(&s.f, GET("Cache-Control: no-cache\r\n"));
        s.filling = filling != NULL ? filling : rhb_filling_of(s.cache, &s.f.asker, &asked_at);
        if (CHECK(s.filling != NULL))
            respond(&s, "200 OK", "Cache-Control: max-age=60\r\n", 5);
        if (!CHECK_INT(atomic_load(&s.counts.stored), rows[i / 2].stores))
            rhb_note(t, "%s %d", rows[i / 2].posts, rows[i / 2].times);
        tear_down(&s);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(what_is_asked_for_before_its_purge_is_not_stored),
        RHB_CASE(without_the_lock_nothing_old_is_answered),
        RHB_CASE(what_is_purged_is_out_while_another_one_has_the_lock),
        RHB_CASE(a_large_store_is_swept_in_steps_and_keeps_what_comes_meanwhile),
        RHB_CASE(a_purge_that_comes_during_a_sweep_is_carried_out_by_the_next),
        RHB_CASE(too_many_purges_are_one_of_everything),
        RHB_CASE(a_change_of_another_url_lets_a_response_be_stored),
    };
    return RHB_RUN(cases);
}
