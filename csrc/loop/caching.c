#define _GNU_SOURCE
#include "caching.h"
#include "answers.h"
#include "parking.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- requests ---- */

static bool is_method(const struct phr_request_head *head, const char *name, size_t len)
{
    return head->method_len == len && memcmp(head->method, name, len) == 0;
}

/* RFC 9110 section 9.2.1 */
static bool is_safe(const struct phr_request_head *head)
{
    return is_method(head, "GET", 3) || is_method(head, "HEAD", 4) ||
           is_method(head, "OPTIONS", 7) || is_method(head, "TRACE", 5);
}

static struct rhb_asker asker_of(const struct rhb_lane *lane, const struct rhb_conn *conn)
{
    return (struct rhb_asker){
        .request = &lane->request,
        .peer = &conn->peer,
        .listener = conn->listener,
        .is_head = is_method(&lane->request.head, "HEAD", 4),
    };
}

static void follow(struct rhb_conn *conn, struct rhb_filling *filling)
{
    conn->filling = filling;
    conn->cares = filling != NULL;
}

/* A connection that renews what this request has been answered with. Without memory for it, nobody
 * does, until the next request. */
static void renew(struct rhb_loop *loop, const struct rhb_conn *conn, struct rhb_filling *filling)
{
    const struct rhb_request *request = &loop->lane->request;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct rhb_conn *own = fd >= 0 ? rhb_conn_new(loop, fd) : NULL;
    if (own == NULL) {
        if (fd >= 0)
            close(fd);
        rhb_filling_free(loop->cache, filling);
        return;
    }
    own->background = true;
    follow(own, filling);
    own->listener = conn->listener;
    own->peer = conn->peer;
    if (rhb_bytes_append(&own->in, request->head_bytes, request->head_len))
        rhb_make_ready(loop, own);
    else
        rhb_conn_close(loop, own);
}

/* For the access log. The clock is coarse, and the time of the request begins anew behind the wait.
 */
static void end_wait(const struct rhb_loop *loop, struct rhb_conn *conn)
{
    uint64_t now = rhb_now_coarse();
    uint64_t began = conn->waits_until - loop->options.timeouts[RHB_CONN_WAIT];
    conn->waited = now > began ? (uint32_t)((now - began) / 1000) : 0;
    conn->waited_request = conn->requests;
    conn->waits_until = 0;
}

static bool settle(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_verdict verdict,
                   struct rhb_filling *filling)
{
    conn->waits = verdict == RHB_VERDICT_WAIT;
    if (conn->waits)
        return false;
    conn->asks = false;
    if (conn->waits_until != 0)
        end_wait(loop, conn);
    if (verdict == RHB_VERDICT_ASK)
        follow(conn, filling);
    else if (verdict == RHB_VERDICT_ANSWER_AND_ASK)
        renew(loop, conn, filling);
    return verdict != RHB_VERDICT_ASK;
}

/* The application is asked, and nobody is to know. */
static bool passes(struct rhb_loop *loop, const struct rhb_conn *conn)
{
    struct rhb_cache *cache = loop->cache;
    const struct rhb_request *request = &loop->lane->request;
    return conn->filling != NULL ||
           (rhb_cache_passes_by(cache, rhb_cache_tag(cache, request), loop->read_at) &&
            !rhb_asked_only_stored(&request->head));
}

static bool answer(void *state, const struct rhb_question *question, struct rhb_answer *answer)
{
    struct rhb_loop *loop = state;
    struct rhb_conn *conn = loop->lane->current;
    const struct phr_request_head *head = &question->request->head;
    struct rhb_filling *filling;
    loop->lane->asked_at = rhb_cache_now(loop->cache);
    if (memcmp(head->method, "GET ", 4) != 0 && memcmp(head->method, "HEAD ", 5) != 0) {
        conn->cares = !is_safe(head);
        return false;
    }
    if (passes(loop, conn)) {
        conn->asks = false;
        if (conn->waits_until != 0)
            end_wait(loop, conn);
        return false;
    }
    struct rhb_asker asker = asker_of(loop->lane, conn);
    enum rhb_verdict verdict =
        rhb_cache_ask(loop->cache, &asker, !conn->asks, question, answer, &filling, &conn->awaited);
    return settle(loop, conn, verdict, filling);
}

/* It is asked by rhb_caching_passes, whatever the path is. */
static const bool asked_apart[256];

bool rhb_caching_join(struct rhb_loop *loop, const struct rhb_caching_options *options)
{
    struct rhb_cache *cache = rhb_cache_open(options->memory, options->size);
    if (cache == NULL) {
        errno = ENOMEM;
        return false;
    }
    cache->proxies = &loop->options.forwarded;
    cache->owner = options->owner;
    uint64_t most = rhb_store_largest(&cache->store); /* more need not be gathered */
    cache->largest = options->largest < most ? options->largest : most;
    cache->wake = options->wake;
    cache->n_wake = options->n_wake;
    cache->counts = options->counts;
    if (options->desk != NULL)
        cache->desk = options->desk;
    loop->cache = cache;
    if (cache->owner < cache->n_wake) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = RHB_TAG_CACHE};
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, cache->wake[cache->owner], &event) < 0)
            return false;
    }
    rhb_answers_add(loop,
                    &(struct rhb_answerer){.answer = answer, .state = loop, .second = asked_apart});
    return true;
}

/* ---- waiting ---- */

/* Puts what was read back in front: the connection is as it was before. */
static bool put_back(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_lane *lane = loop->lane;
    struct rhb_bytes in = {0};
    if (!rhb_bytes_append(&in, lane->request.head_bytes, lane->request.head_len) ||
        !rhb_bytes_append(&in, lane->rest, lane->rest_len)) {
        rhb_bytes_free(&in);
        return false;
    }
    free(lane->held_input);
    lane->held_input = NULL;
    rhb_bytes_free(&conn->in);
    conn->in = in;
    conn->head_seen = 0;
    conn->requests--;
    lane->current = NULL;
    lane->rest_len = 0;
    return true;
}

static void go_on(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_unpark(loop, conn);
    conn->waits = false;
    rhb_make_ready(loop, conn);
}

static bool await(struct rhb_loop *loop, const struct rhb_conn *conn)
{
    return rhb_fills_await(&loop->cache->memory->fills, &conn->awaited, loop->cache->owner);
}

enum rhb_event rhb_caching_park(struct rhb_loop *loop, struct rhb_conn *conn)
{
    uint64_t now = rhb_now_coarse();
    conn->waits = false;
    if (!put_back(loop, conn))
        return RHB_EVENT_REQUEST;
    if (conn->waits_until == 0)
        conn->waits_until = now + loop->options.timeouts[RHB_CONN_WAIT];
    if (!await(loop, conn) || conn->waits_until <= now) {
        conn->asks = conn->waits_until <= now;
        go_on(loop, conn);
    } else if (!rhb_park_until(loop, conn, RHB_CONN_WAIT, conn->waits_until)) {
        rhb_conn_close(loop, conn);
    }
    return RHB_EVENT_NONE;
}

/* The claim may be a new one by now, so the loop says again that it waits. */
void rhb_caching_look(struct rhb_loop *loop)
{
    struct rhb_link *head = &loop->parked[RHB_CONN_WAIT], *link = head->next;
    loop->cache_woken = false;
    while (link != head) {
        struct rhb_conn *conn = (struct rhb_conn *)link;
        link = link->next;
        if (await(loop, conn))
            continue;
        conn->asks = rhb_fills_was_refused(&loop->cache->memory->fills, &conn->awaited);
        go_on(loop, conn);
    }
}

static bool is_held_up(const struct rhb_filling *filling, uint64_t now)
{
    return filling != NULL && filling->has_claim && filling->storing &&
           now > filling->head.stored_at + RHB_NS_PER_SECOND;
}

void rhb_caching_tick(struct rhb_loop *loop)
{
    const struct rhb_link *head = &loop->parked[RHB_CONN_SEND];
    uint64_t now = rhb_now_coarse();
    for (struct rhb_link *link = head->next; link != head; link = link->next) {
        struct rhb_conn *conn = (struct rhb_conn *)link;
        if (is_held_up(conn->filling, now))
            rhb_filling_end_claim(loop->cache, conn->filling, true);
    }
}

void rhb_caching_wait_no_more(struct rhb_loop *loop, struct rhb_conn *conn)
{
    conn->asks = true;
    go_on(loop, conn);
}

void rhb_caching_drop(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_filling *filling = conn->filling;
    conn->filling = NULL;
    rhb_filling_free(loop->cache, filling);
}

void rhb_caching_end(struct rhb_loop *loop, struct rhb_conn *conn)
{
    conn->cares = false;
    if (conn->filling == NULL)
        return;
    rhb_caching_give_up(loop, conn); /* it was not stored */
    rhb_caching_drop(loop, conn);
}

/* ---- responses ---- */

/* Behind the status line. */
static char *fields_of(const struct rhb_response_head *written)
{
    char *start = written->out->data + written->start;
    size_t len = written->out->len - written->start;
    return (char *)memchr(start, '\n', len) + 1;
}

static void strip(struct rhb_response_head *written)
{
    char *fields = fields_of(written);
    size_t len = (size_t)(written->out->data + written->out->len - fields);
    written->out->len -= len - rhb_said_strip(fields, len, false);
}

static enum rhb_filled ask_cache(struct rhb_loop *loop, struct rhb_lane *lane,
                                 struct rhb_conn *conn, struct rhb_response_head *written,
                                 int64_t in_hand)
{
    struct rhb_asker asker = asker_of(lane, conn);
    if (conn->filling == NULL && written->says_caching && is_method(&lane->request.head, "GET", 3))
        follow(conn, rhb_filling_of(loop->cache, &asker, &lane->asked_at));
    if (conn->filling == NULL)
        return RHB_FILLED_NOT;
    conn->filling->in_hand = in_hand;
    return rhb_filling_head(loop->cache, conn->filling, &lane->request.head, written,
                            rhb_clock_date(&loop->clock));
}

enum rhb_filled rhb_caching_head(struct rhb_loop *loop, struct rhb_lane *lane,
                                 struct rhb_conn *conn, struct rhb_response_head *written,
                                 int64_t in_hand)
{
    if (lane->current != conn ||
        (conn->filling == NULL && !written->says_caching && is_safe(&lane->request.head)))
        return RHB_FILLED_NOT;
    if (!is_safe(&lane->request.head) && written->status < 400) {
        struct rhb_asker asker = asker_of(lane, conn);
        const char *fields = fields_of(written);
        rhb_cache_invalidate(loop->cache, &asker, fields,
                             (size_t)(written->out->data + written->out->len - fields));
    }
    enum rhb_filled filled = ask_cache(loop, lane, conn, written, in_hand);
    if (filled != RHB_FILLED_REPLACED && written->says_caching)
        strip(written);
    return filled;
}

bool rhb_caching_body(struct rhb_loop *loop, struct rhb_conn *conn, const char *data, size_t len)
{
    return conn->filling != NULL && rhb_filling_body(loop->cache, conn->filling, data, len);
}

void rhb_caching_complete(struct rhb_loop *loop, struct rhb_conn *conn, int64_t content_length)
{
    if (conn->filling == NULL)
        return;
    if (content_length >= 0 && (uint64_t)content_length != conn->filling->body.len)
        conn->filling->storing = false;
    rhb_filling_complete(loop->cache, conn->filling);
}

void rhb_caching_give_up(struct rhb_loop *loop, struct rhb_conn *conn)
{
    if (conn->filling == NULL)
        return;
    rhb_filling_refuse(loop->cache, conn->filling);
}
