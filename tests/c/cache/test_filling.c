/* csrc/cache/hits.c, filling.c, refusing.c and purging.c without a loop: what is answered and what
 * is asked for. tests/c/loop/test_caching*.c have the loop. */
#include "base/clock.h"
#include "cache/asking_fixture.h"
#include "cache/cache.h"
#include "http/field_name.h"
#include <stdlib.h>
#include <sys/mman.h>

#define GET(fields) "GET /page HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define USER GET("Cookie: user\r\n")
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
enum { SIZE = 1 << 20, LARGEST = SIZE };

struct scene {
    struct asking_fixture f;
    void *memory;
    struct rhb_cache *cache;
    struct rhb_cache_counts counts;
    int wake[2];
    struct rhb_bytes out; /* of the last answer or response */
    struct rhb_filling *filling;
    struct rhb_fill fill;
};

static void set_up(struct scene *s, struct rhb_test *t)
{
    static const struct rhb_hash_key key = {{1, 2}};
    *s = (struct scene){.wake = {-1, -1}};
    s->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rhb_cache_make(s->memory, SIZE, &key));
    s->cache = rhb_cache_open(s->memory, SIZE);
    s->cache->proxies = &s->f.proxies;
    s->cache->largest = LARGEST;
    s->cache->counts = &s->counts;
    s->cache->wake = s->wake;
    s->cache->n_wake = 2;
}

static void tear_down(struct scene *s)
{
    rhb_filling_free(s->cache, s->filling);
    rhb_cache_free(s->cache);
    rhb_bytes_free(&s->out);
    rhb_bytes_free(&s->f.key);
    munmap(s->memory, SIZE);
}

static enum rhb_verdict ask(struct scene *s, const char *text)
{
    struct rhb_answer answer;
    read_request(&s->f, text);
    struct rhb_question question = {.request = &s->f.request, .peer = &s->f.peer, .out = &s->out};
    rhb_filling_free(s->cache, s->filling);
    s->filling = NULL;
    enum rhb_verdict verdict =
        rhb_cache_ask(s->cache, &s->f.asker, true, &question, &answer, &s->filling, &s->fill);
    if (verdict == RHB_VERDICT_ANSWER || verdict == RHB_VERDICT_ANSWER_AND_ASK)
        rhb_answer_release(&answer);
    return verdict;
}

/* The application answers what was asked last. */
static enum rhb_filled respond(struct scene *s, const char *status, const char *fields, size_t len)
{
    struct rhb_response_head head;
    char *body = calloc(1, len + 1);
    s->out.len = 0;
    rhb_head_begin(&head, &s->out, status, strlen(status));
    rhb_bytes_append(&s->out, fields, strlen(fields));
    enum rhb_filled filled =
        rhb_filling_head(s->cache, s->filling, &s->f.request.head, &head, DATE);
    if (filled == RHB_FILLED_GATHERS && rhb_filling_body(s->cache, s->filling, body, len))
        rhb_filling_complete(s->cache, s->filling);
    free(body);
    return filled;
}

static void store(struct scene *s, const char *text, const char *fields)
{
    ask(s, text);
    respond(s, "200 OK", fields, 50);
}

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
    struct rhb_cache_moment now = rhb_cache_now(s.cache);
    CHECK(rhb_cache_passes_by(s.cache, tag, 1));
    rhb_filling_free(s.cache, s.filling);
    s.filling = rhb_filling_of(s.cache, &s.f.asker, &now);
    if (CHECK(s.filling != NULL))
        respond(&s, "200 OK", "Cache-Control: max-age=60\r\n", 5);
    CHECK(!rhb_cache_passes(s.cache, tag, 1));
    CHECK_INT(ask(&s, GET("")), RHB_VERDICT_ANSWER);
    tear_down(&s);
}

static void purge(struct scene *s, enum rhb_purge_kind kind, const char *text)
{
    struct rhb_purge_desk *desk = s->cache->desk;
    uint64_t number = atomic_load(&desk->asked) + 1;
    struct rhb_purge *place = &desk->purges[number % RHB_PURGES];
    *place = (struct rhb_purge){.kind = kind, .len = (uint32_t)strlen(text), .number = number};
    memcpy(place->text, text, strlen(text));
    atomic_store(&desk->asked, number);
}

/* A fill of http://a/page with the tag `one` begins, a purge comes, and the fill ends. with:
 * whether it has had a filling before its response. Returns how much was stored. */
static uint64_t store_around(struct scene *s, bool with, const struct rhb_purge *row, int times)
{
    struct rhb_cache_moment asked_at = rhb_cache_now(s->cache);
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
    CHECK_INT(atomic_load(&s.cache->memory->owes_all), 0);
    tear_down(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_response_that_is_refused_leaves_others_of_its_url_in_use),
        RHB_CASE(requests_pass_by_while_nothing_is_stored),
        RHB_CASE(what_is_asked_for_before_its_purge_is_not_stored),
        RHB_CASE(what_the_store_does_not_take_is_refused),
        RHB_CASE(what_was_replaced_is_not_used_again),
        RHB_CASE(a_304_without_age_makes_fresh_what_had_one),
        RHB_CASE(what_was_purged_is_not_used_for_an_error),
        RHB_CASE(without_the_lock_nothing_old_is_answered),
    };
    return RHB_RUN(cases);
}
