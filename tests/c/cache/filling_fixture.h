/* For the tests of the cache without a loop: requests, what the application answers, and purges. */
#ifndef RHB_TEST_FILLING_FIXTURE_H
#define RHB_TEST_FILLING_FIXTURE_H

#include "base/clock.h"
#include "cache/asking_fixture.h"
#include "cache/cache.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define GET(fields) "GET /page HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define USER GET("Cookie: user\r\n")
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
enum { SIZE = 1 << 20, LARGEST = SIZE };

struct scene {
    struct asking_fixture f;
    void *memory;
    size_t size;
    struct rhb_cache *cache;
    struct rhb_cache_counts counts;
    int wake[2];
    struct rhb_bytes out; /* of the last answer or response */
    struct rhb_filling *filling;
    struct rhb_fill fill;
};

static inline void set_up_sized(struct scene *s, struct rhb_test *t, size_t size)
{
    static const struct rhb_hash_key key = {{1, 2}};
    *s = (struct scene){.wake = {-1, -1}, .size = size};
    s->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rhb_cache_make(s->memory, size, &key));
    s->cache = rhb_cache_open(s->memory, size);
    s->cache->proxies = &s->f.proxies;
    s->cache->largest = LARGEST;
    s->cache->counts = &s->counts;
    s->cache->wake = s->wake;
    s->cache->n_wake = 2;
}

static inline void set_up(struct scene *s, struct rhb_test *t)
{
    set_up_sized(s, t, SIZE);
}

static inline void tear_down(struct scene *s)
{
    rhb_filling_free(s->cache, s->filling);
    rhb_cache_free(s->cache);
    rhb_bytes_free(&s->out);
    rhb_bytes_free(&s->f.key);
    munmap(s->memory, s->size);
}

static inline enum rhb_verdict ask(struct scene *s, const char *text)
{
    struct rhb_answer answer;
    read_request(&s->f, text);
    struct rhb_question question = {.request = &s->f.request, .peer = &s->f.peer, .out = &s->out};
    rhb_filling_free(s->cache, s->filling);
    s->filling = NULL;
    enum rhb_verdict verdict =
        rhb_cache_ask(s->cache, &s->f.asker, true, &question, &answer, &s->filling, &s->fill);
    if (verdict == RHB_VERDICT_ANSWER || verdict == RHB_VERDICT_ANSWER_AND_ASK) {
        if (answer.append != NULL)
            answer.append(answer.held, &s->out, answer.len);
        rhb_answer_release(&answer);
    }
    return verdict;
}

/* The application answers what was asked last. */
static inline enum rhb_filled respond(struct scene *s, const char *status, const char *fields,
                                      size_t len)
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

static inline void store(struct scene *s, const char *text, const char *fields)
{
    ask(s, text);
    respond(s, "200 OK", fields, 50);
}

static inline void purge(struct scene *s, enum rhb_purge_kind kind, const char *text)
{
    struct rhb_purge_desk *desk = s->cache->desk;
    uint64_t number = atomic_load(&desk->asked) + 1;
    struct rhb_purge *place = &desk->purges[number % RHB_PURGES];
    *place = (struct rhb_purge){.kind = kind, .len = (uint32_t)strlen(text), .number = number};
    memcpy(place->text, text, strlen(text));
    atomic_store(&desk->asked, number);
}

#endif
