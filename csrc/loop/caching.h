/* The cache (cache/cache.h) in the loop. It is an answerer: what it has, it answers. What it has
 * not, the application is asked for; conn->filling follows such a request to its end. A request for
 * which somebody else asks already waits, parked in RHB_CONN_WAIT: its bytes are put back into
 * conn->in, and when it goes on it is read once more from there, as if it had just come. Whoever
 * has stored an answer wakes the loops in which others wait, by their eventfds.
 *
 * A stored response that is used while it is renewed (RFC 5861 section 3) has its own connection
 * for that: one without a client, whose fd is an eventfd, and whose response goes nowhere. */
#ifndef RHB_CACHING_H
#define RHB_CACHING_H

#include "loop.h"

/* ---- in the loop ---- */

struct rhb_caching_options {
    void *memory; /* rhb_cache_make */
    size_t size;
    struct rhb_purge_desk *desk; /* NULL: the one in the memory */
    uint64_t largest;            /* bytes of a body that is stored */
    size_t owner;                /* which of the loops that share the cache this one is */
    const int *wake;             /* an eventfd for each of the first n_wake loops. Not owned. */
    size_t n_wake;
    struct rhb_cache_counts *counts; /* never NULL. Not owned. */
};

/* Lets the loop use a cache; before it is polled, behind other answerers. False with errno set. */
bool rhb_caching_join(struct rhb_loop *loop, const struct rhb_caching_options *options);

/* Most requests end here: the application is asked for a URI of which nothing is stored, and whose
 * last response was not to be. Others are asked about (loop->answerers), for instance those that
 * have waited. lane->asked_at is left as it is: if it is older than the request, what was changed
 * in between is only taken for later. */
static inline bool rhb_caching_passes(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    const struct rhb_request *request = &loop->lane->request;
    return memcmp(request->head.method, "GET ", 4) == 0 && conn->waits_until == 0 &&
           rhb_cache_passes_by(loop->cache, rhb_cache_tag(loop->cache, request), loop->read_at) &&
           !rhb_asked_only_stored(&request->head);
}

/* A request for which somebody else asks already is parked. Returns RHB_EVENT_NONE, or
 * RHB_EVENT_REQUEST if that cannot be done. */
enum rhb_event rhb_caching_park(struct rhb_loop *loop, struct rhb_conn *conn);

/* Lets those go on whose answers may be there. */
void rhb_caching_look(struct rhb_loop *loop);

/* Once a second: those who wait do not wait for the client of another one. A response that is
 * suspended for more than a second after its head gives up its claim; it may be stored later all
 * the same. */
void rhb_caching_tick(struct rhb_loop *loop);

/* It has waited for long enough: its request goes to the application. */
void rhb_caching_wait_no_more(struct rhb_loop *loop, struct rhb_conn *conn);

/* The response has ended, and conn->cares. */
void rhb_caching_end(struct rhb_loop *loop, struct rhb_conn *conn);

/* Gives up conn->filling, which is not NULL. */
void rhb_caching_drop(struct rhb_loop *loop, struct rhb_conn *conn);

/* ---- the response of the application; its thread need not be in the loop ---- */

/* Whether rhb_caching_head is to be called: most responses say nothing for caches. */
static inline bool rhb_caching_cares(const struct rhb_conn *conn,
                                     const struct rhb_response_head *written)
{
    return conn->cares || written->says_caching;
}

/* The fields of the application are written, those of the server not yet; only while the lane still
 * has the request. in_hand: bytes of the body, when all of it will be given next; otherwise -1.
 * REPLACED: *written is another response now, and conn->filling->stale_body its body. GATHERS:
 * rhb_caching_body is to get the body, and then rhb_caching_complete is called. */
enum rhb_filled rhb_caching_head(struct rhb_loop *loop, struct rhb_lane *lane,
                                 struct rhb_conn *conn, struct rhb_response_head *written,
                                 int64_t in_hand);

/* False: it need not get more. */
bool rhb_caching_body(struct rhb_loop *loop, struct rhb_conn *conn, const char *data, size_t len);

/* The body is whole; content_length: what the head said, -1 for nothing. */
void rhb_caching_complete(struct rhb_loop *loop, struct rhb_conn *conn, int64_t content_length);

/* The body cannot be gathered. */
void rhb_caching_give_up(struct rhb_loop *loop, struct rhb_conn *conn);

#endif
