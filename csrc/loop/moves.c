#define _GNU_SOURCE
#include "moves.h"
#include "parcel.h"
#include "parking.h"
#include "transfers.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- what can be sent ---- */

static size_t bytes_there(int fd)
{
    int there = 0;
    return ioctl(fd, FIONREAD, &there) == 0 && there > 0 ? (size_t)there : 0;
}

/* Whether the rest of a body has arrived, which nobody has read yet; or a part of it, and the
 * worker will not read it soon. */
static bool body_is_there(struct rhb_moves *moves, const struct rhb_conn *conn)
{
    const struct rhb_incoming *incoming = conn->incoming;
    if (moves->stuck >= RHB_MOVES_PATIENCE)
        return bytes_there(conn->fd) > 0;
    if (incoming->framing.body != RHB_BODY_CHUNKED)
        return bytes_there(conn->fd) >= incoming->framing.content_length - incoming->body.len;
    struct phr_strict_chunked decoder = incoming->decoder;
    ssize_t got = recv(conn->fd, moves->peeked, sizeof moves->peeked, MSG_PEEK | MSG_DONTWAIT);
    size_t decoded = got > 0 ? (size_t)got : 0;
    return decoded > 0 && phr_decode_chunked_strict(&decoder, moves->peeked, &decoded) >= 0;
}

/* Whether a request, or a part of its head, waits to be read. */
static bool is_waiting(struct rhb_moves *moves, const struct rhb_conn *conn)
{
    if (conn->shared || conn->owner != NULL || conn->filling != NULL)
        return false;
    switch (conn->state) {
    case RHB_CONN_FRESH:
    case RHB_CONN_HEAD:
    case RHB_CONN_IDLE:
        return bytes_there(conn->fd) > 0;
    case RHB_CONN_BODY:
        return body_is_there(moves, conn);
    case RHB_CONN_READY:
        if (conn->incoming != NULL)
            return body_is_there(moves, conn);
        return conn->in.len > conn->head_seen || bytes_there(conn->fd) > 0;
    default:
        return false;
    }
}

/* False: the queue is full. */
static bool send_if_waiting(struct rhb_moves *moves, struct rhb_conn *conn, unsigned *sent)
{
    struct rhb_loop *loop = moves->loop;
    if (!is_waiting(moves, conn))
        return true;
    rhb_count(loop->channel->in_waiting); /* first: a worker may take it at once */
    enum rhb_parcel_result result = rhb_parcel_send(loop, conn, &loop->channel->waiting);
    if (result == RHB_PARCEL_OK) {
        rhb_count(&loop->worker->sent);
        loop->board->transferred++;
        ++*sent;
    } else {
        atomic_fetch_sub_explicit(loop->channel->in_waiting, 1, memory_order_relaxed);
    }
    return result != RHB_PARCEL_FULL;
}

/* ---- the events and the ready list ---- */

/* The result of the epoll_wait of a thread that has not got the GIL yet. */
static void adopt_slept(struct rhb_loop *loop)
{
    if (loop->sleeping)
        rhb_parking_forget_closed(loop, loop->sleep_result);
}

/* Drops the events that have been handled, so that there is space for others. */
static void compact(struct rhb_loop *loop)
{
    int kept = 0, seen = 0;
    for (int i = loop->at_event; i < loop->n_events; i++) {
        if (loop->events[i].data.u64 == 0)
            continue;
        seen += i < loop->seen_events;
        loop->events[kept++] = loop->events[i];
    }
    loop->at_event = 0;
    loop->n_events = kept;
    loop->seen_events = seen;
}

/* Asks epoll for what is new. Listeners and other queues are left out: epoll will report them
 * again. */
static void collect(struct rhb_loop *loop)
{
    int n = 0, space = RHB_EVENTS - loop->n_events;
    struct epoll_event *new = loop->events + loop->n_events;
    if (space > 0)
        n = epoll_wait(loop->epoll, new, space, 0);
    int kept = 0;
    for (int i = 0; i < n; i++) {
        uint64_t data = new[i].data.u64;
        if (data == RHB_TAG_SURPLUS)
            loop->parcels.look = true; /* edge-triggered */
        else if (data == RHB_TAG_CACHE)
            loop->cache_woken = true; /* likewise */
        else if (!(data & RHB_TAG_LISTENER) && data != RHB_TAG_WAKEUP && data != RHB_TAG_WAITING)
            new[kept++] = new[i];
    }
    loop->n_events += kept;
    if (loop->sleeping)
        loop->sleep_result = loop->n_events;
}

/* Sends what the events up to this one name. */
static unsigned send_events(struct rhb_moves *moves, int until)
{
    struct rhb_loop *loop = moves->loop;
    unsigned sent = 0;
    for (int i = loop->at_event; i < until; i++) {
        uint64_t data = loop->events[i].data.u64;
        if (data == 0 || (data & RHB_TAG_LISTENER) || data <= RHB_TAG_CACHE)
            continue;
        if (rhb_presence_is_wanted(&loop->presence) ||
            !send_if_waiting(moves, loop->events[i].data.ptr, &sent))
            break;
    }
    return sent;
}

/* Sends from the ready list; all: also what was not there at the last tick. */
static unsigned send_ready(struct rhb_moves *moves, bool all)
{
    struct rhb_loop *loop = moves->loop;
    struct rhb_link *link = loop->ready.next;
    unsigned sent = 0;
    while (link != &loop->ready && !rhb_presence_is_wanted(&loop->presence)) {
        struct rhb_conn *conn = (struct rhb_conn *)link;
        link = link->next;
        if ((all || conn->seen) && !send_if_waiting(moves, conn, &sent))
            break;
        conn->seen = true;
    }
    return sent;
}

static void mark_seen(struct rhb_loop *loop)
{
    loop->seen_events = loop->n_events;
    for (struct rhb_link *link = loop->ready.next; link != &loop->ready; link = link->next)
        ((struct rhb_conn *)link)->seen = true;
}

/* ---- all of it ---- */

/* Idle connections that others have sent to this worker, which is busy now. */
static void take_surplus(struct rhb_loop *loop)
{
    while (loop->parcels.look && !rhb_presence_is_wanted(&loop->presence))
        rhb_transfers_take_surplus(loop);
}

bool rhb_moves_look(struct rhb_moves *moves)
{
    struct rhb_loop *loop = moves->loop;
    adopt_slept(loop);
    compact(loop);
    int seen = loop->seen_events;
    collect(loop);
    if (moves->stuck > 0)
        take_surplus(loop);
    bool to_idle = rhb_channel_others_wait(loop->channel);
    bool all = moves->stuck >= RHB_MOVES_PATIENCE || (to_idle && moves->stuck > 0);
    unsigned sent = 0;
    if (to_idle || all)
        sent = send_events(moves, all ? loop->n_events : seen) + send_ready(moves, all);
    mark_seen(loop);
    return sent > 0;
}
