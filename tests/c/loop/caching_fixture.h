/* For the tests of the cache in the loop: a loop with a cache, and an application that answers what
 * the loop hands over when the test says so. */
#ifndef RHB_TEST_CACHING_FIXTURE_H
#define RHB_TEST_CACHING_FIXTURE_H

#include "loop/caching.h"
#include "loop/socket_io.h"
#include "loop_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define STORED "Cache-Control: public, max-age=60\r\n"
enum { SIZE = 2 << 20, LARGEST = 100000 };

struct scene {
    struct fixture f;
    void *memory;
    int wake[2];
    struct rhb_cache_counts counts;
    struct rhb_lane *first, *second; /* one holds a request while the other one goes on */
};

static inline void set_up_cache(struct scene *s, struct rhb_test *t)
{
    struct fixture *f = &s->f;
    struct rhb_hash_key key = {{1, 2}};
    set_up(f, t);
    f->options.timeouts[RHB_CONN_WAIT] = 60 * RHB_NS_PER_SECOND;
    start(f);
    s->counts = (struct rhb_cache_counts){0};
    s->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rhb_cache_make(s->memory, SIZE, &key));
    for (int i = 0; i < 2; i++)
        s->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->fds += 2;
    struct rhb_caching_options options = {.memory = s->memory,
                                          .size = SIZE,
                                          .largest = LARGEST,
                                          .wake = s->wake,
                                          .n_wake = 2,
                                          .counts = &s->counts};
    CHECK(rhb_caching_join(f->loop, &options));
    s->first = f->loop->lane;
    s->second = rhb_loop_add_lane(f->loop);
    rhb_loop_enter(f->loop, s->first);
    f->holds = true;
}

static inline void tear_down_cache(struct scene *s)
{
    tear_down(&s->f);
    munmap(s->memory, SIZE);
    close(s->wake[0]);
    close(s->wake[1]);
}

/* What the application answers: fields, and a body of so many bytes. Returns what the cache said.
 */
static inline enum rhb_filled respond(struct scene *s, struct rhb_conn *conn, const char *status,
                                      const char *fields, size_t size)
{
    struct fixture *f = &s->f;
    struct rhb_bytes out = {0};
    struct rhb_response_head head;
    struct rhb_head_context context = {.minor_version = 1,
                                       .keep_alive = true,
                                       .body_length = (int64_t)size,
                                       .date = rhb_clock_date(&f->loop->clock)};
    struct rhb_head_outcome outcome;
    char *body = pattern_new(size);
    size_t done;
    rhb_head_begin(&head, &out, status, strlen(status));
    while (*fields != 0) {
        const char *colon = strchr(fields, ':'), *end = strstr(fields, "\r\n");
        rhb_head_field(&head, fields, (size_t)(colon - fields), colon + 2,
                       (size_t)(end - colon - 2));
        fields = end + 2;
    }
    enum rhb_filled filled = RHB_FILLED_NOT;
    if (rhb_caching_cares(conn, &head))
        filled = rhb_caching_head(f->loop, f->loop->lane, conn, &head, -1);
    rhb_head_end(&head, &context, &outcome);
    if (filled == RHB_FILLED_REPLACED) {
        const struct rhb_bytes *stale = &conn->filling->stale_body;
        rhb_bytes_append(&out, stale->data, stale->len);
    } else {
        rhb_bytes_append(&out, body, size);
    }
    if (filled == RHB_FILLED_GATHERS && rhb_caching_body(f->loop, conn, body, size / 2) &&
        rhb_caching_body(f->loop, conn, body + size / 2, size - size / 2))
        rhb_caching_complete(f->loop, conn, (int64_t)size);
    if (!conn->background)
        rhb_send_all(conn->fd, out.data, out.len, &done);
    rhb_loop_done(f->loop, conn, true);
    f->held = NULL;
    free(body);
    rhb_bytes_free(&out);
    return filled;
}

/* The head of a response that may be stored. */
static inline enum rhb_filled begin_response(struct scene *s, struct rhb_conn *conn)
{
    struct rhb_bytes out = {0};
    struct rhb_response_head head;
    rhb_head_begin(&head, &out, "200 OK", 6);
    rhb_head_field(&head, "Cache-Control", 13, "max-age=60", 10);
    enum rhb_filled filled = rhb_caching_head(s->f.loop, s->f.loop->lane, conn, &head, -1);
    rhb_bytes_free(&out);
    return filled;
}

/* It ends without its body. */
static inline void end_early(struct scene *s, struct rhb_conn *conn)
{
    begin_response(s, conn);
    rhb_loop_done(s->f.loop, conn, false);
    s->f.held = NULL;
}

/* Sends a request, and waits until the application has it. */
static inline struct rhb_conn *ask(struct scene *s, struct client *c, const char *request)
{
    struct rhb_test *t = s->f.t;
    struct fixture *f = &s->f;
    f->held = NULL;
    client_send_text(f, c, request);
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    CHECK(f->held != NULL);
    return f->held;
}

/* Stores a response for this request. */
static inline void fill(struct scene *s, struct client *c, const char *request, const char *fields,
                        size_t size)
{
    struct rhb_test *t = s->f.t;
    CHECK_INT(respond(s, ask(s, c, request), "200 OK", fields, size), RHB_FILLED_GATHERS);
    CHECK_INT(answer_to(&s->f, c), 200);
}

#endif
