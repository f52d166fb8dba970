#define _GNU_SOURCE
#include "mover.h"
#include "base/lock.h"
#include "parcel.h"
#include "parking.h"
#include "transfers.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK (5 * RHB_NS_PER_MS / 2)

enum {
    PATIENCE = 4, /* ticks without progress, until requests go to a queue that nobody waits for */
    QUIET_AFTER = 2,    /* ticks without a request, until the mover sleeps */
    STACK = 128 * 1024, /* the least that glibc takes on aarch64 */
    PEEK = 65536
};

struct rhb_mover {
    struct rhb_loop *loop;
    pthread_t thread;
    bool runs;               /* the thread */
    struct rhb_lock pausing; /* of the next one: several threads may fork */
    unsigned pauses;         /* how many have asked for a pause */
    int end;                 /* an eventfd: the thread is to end */
    uint64_t requests;       /* that had begun at the last tick */
    unsigned stuck;          /* ticks since then in which no thread was in the loop */
    unsigned quiet;          /* ticks in which there was nothing */
    bool in_vain;            /* epoll has woken it, and nothing could be sent */
    char peeked[PEEK];
};

/* ---- what can be sent ---- */

static size_t bytes_there(int fd)
{
    int there = 0;
    return ioctl(fd, FIONREAD, &there) == 0 && there > 0 ? (size_t)there : 0;
}

/* Whether the rest of a body has arrived, which nobody has read yet; or a part of it, and the
 * worker will not read it soon. */
static bool body_is_there(struct rhb_mover *mover, const struct rhb_conn *conn)
{
    const struct rhb_incoming *incoming = conn->incoming;
    if (mover->stuck >= PATIENCE)
        return bytes_there(conn->fd) > 0;
    if (incoming->framing.body != RHB_BODY_CHUNKED)
        return bytes_there(conn->fd) >= incoming->framing.content_length - incoming->body.len;
    struct phr_strict_chunked decoder = incoming->decoder;
    ssize_t got = recv(conn->fd, mover->peeked, PEEK, MSG_PEEK | MSG_DONTWAIT);
    size_t decoded = got > 0 ? (size_t)got : 0;
    return decoded > 0 && phr_decode_chunked_strict(&decoder, mover->peeked, &decoded) >= 0;
}

/* Whether a request, or a part of its head, waits to be read. */
static bool is_waiting(struct rhb_mover *mover, const struct rhb_conn *conn)
{
    if (conn->shared || conn->owner != NULL || conn->filling != NULL)
        return false;
    switch (conn->state) {
    case RHB_CONN_FRESH:
    case RHB_CONN_HEAD:
    case RHB_CONN_IDLE:
        return bytes_there(conn->fd) > 0;
    case RHB_CONN_BODY:
        return body_is_there(mover, conn);
    case RHB_CONN_READY:
        if (conn->incoming != NULL)
            return body_is_there(mover, conn);
        return conn->in.len > conn->head_seen || bytes_there(conn->fd) > 0;
    default:
        return false;
    }
}

/* False: the queue is full. */
static bool send_if_waiting(struct rhb_mover *mover, struct rhb_conn *conn, unsigned *sent)
{
    struct rhb_loop *loop = mover->loop;
    if (!is_waiting(mover, conn))
        return true;
    rhb_count(loop->channel->in_waiting); /* first: a worker may take it at once */
    enum rhb_parcel_result result = rhb_parcel_send(loop, conn, &loop->channel->waiting);
    if (result == RHB_PARCEL_OK) {
        rhb_count(&loop->worker->sent);
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
static unsigned send_events(struct rhb_mover *mover, int until)
{
    struct rhb_loop *loop = mover->loop;
    unsigned sent = 0;
    for (int i = loop->at_event; i < until; i++) {
        uint64_t data = loop->events[i].data.u64;
        if (data == 0 || (data & RHB_TAG_LISTENER) || data <= RHB_TAG_CACHE)
            continue;
        if (rhb_presence_is_wanted(&loop->presence) ||
            !send_if_waiting(mover, loop->events[i].data.ptr, &sent))
            break;
    }
    return sent;
}

/* Sends from the ready list; all: also what was not there at the last tick. */
static unsigned send_ready(struct rhb_mover *mover, bool all)
{
    struct rhb_loop *loop = mover->loop;
    struct rhb_link *link = loop->ready.next;
    unsigned sent = 0;
    while (link != &loop->ready && !rhb_presence_is_wanted(&loop->presence)) {
        struct rhb_conn *conn = (struct rhb_conn *)link;
        link = link->next;
        if ((all || conn->seen) && !send_if_waiting(mover, conn, &sent))
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

/* ---- a tick ---- */

/* Idle connections that others have sent to this worker, which is busy now. */
static void take_surplus(struct rhb_loop *loop)
{
    while (loop->parcels.look && !rhb_presence_is_wanted(&loop->presence))
        rhb_transfers_take_surplus(loop);
}

/* With no thread in the loop. Whether something was sent. */
static bool look(struct rhb_mover *mover)
{
    struct rhb_loop *loop = mover->loop;
    adopt_slept(loop);
    compact(loop);
    int seen = loop->seen_events;
    collect(loop);
    if (mover->stuck > 0)
        take_surplus(loop);
    bool to_idle = rhb_channel_others_wait(loop->channel);
    bool all = mover->stuck >= PATIENCE || (to_idle && mover->stuck > 0);
    unsigned sent = 0;
    if (to_idle || all)
        sent = send_events(mover, all ? loop->n_events : seen) + send_ready(mover, all);
    mark_seen(loop);
    return sent > 0;
}

static uint64_t requests_of(const struct rhb_loop *loop)
{
    uint64_t requests = 0;
    for (const struct rhb_lane *lane = loop->lanes; lane != NULL; lane = lane->next)
        requests += atomic_load_explicit(&lane->score->requests, memory_order_relaxed);
    return requests;
}

static bool is_busy(const struct rhb_loop *loop)
{
    for (const struct rhb_lane *lane = loop->lanes; lane != NULL; lane = lane->next)
        if (atomic_load_explicit(&lane->score->busy, memory_order_relaxed))
            return true;
    return false;
}

/* Its threads end: what the mover took now would end with the process. */
static bool is_drained(const struct rhb_loop *loop)
{
    return loop->stopping && loop->open == 0;
}

static void tick(struct rhb_mover *mover, bool on_time)
{
    struct rhb_loop *loop = mover->loop;
    uint64_t requests = requests_of(loop);
    bool sent = false, progress = requests != mover->requests;
    mover->requests = requests;
    mover->quiet = progress || is_busy(loop) ? 0 : mover->quiet + 1;
    if (progress || !rhb_presence_mover_enters(&loop->presence)) {
        mover->stuck = 0;
        if (!progress || !rhb_presence_mover_enters(&loop->presence))
            return;
    } else if (on_time) {
        mover->stuck++;
    }
    /* a thread that waits in epoll handles the events itself */
    if (!is_drained(loop) &&
        (!loop->sleeping || atomic_load_explicit(&loop->slept, memory_order_acquire)))
        sent = look(mover);
    mover->in_vain = !on_time && !sent;
    rhb_presence_mover_leaves(&loop->presence);
}

/* ---- the thread ---- */

/* Until the next tick, or an event. False: the mover is to end. *on_time: it was the tick. */
static bool wait_for_tick(struct rhb_mover *mover, bool *on_time)
{
    struct pollfd fds[2] = {{.fd = mover->end, .events = POLLIN},
                            {.fd = mover->loop->epoll, .events = POLLIN}};
    struct timespec timeout = {.tv_nsec = TICK};
    bool sleeps = mover->quiet >= QUIET_AFTER;
    bool for_events = sleeps || (mover->stuck > 0 && !mover->in_vain);
    int n = ppoll(fds, for_events ? 2 : 1, sleeps ? NULL : &timeout, NULL);
    if (sleeps)
        mover->quiet = 0;
    *on_time = n == 0;
    return fds[0].revents == 0;
}

static void *run(void *argument)
{
    struct rhb_mover *mover = argument;
    bool on_time;
    while (wait_for_tick(mover, &on_time))
        tick(mover, on_time);
    return NULL;
}

/* All signals are for the threads of Python. */
static int start_thread(struct rhb_mover *mover)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&mover->thread, &attributes, run, mover);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        pthread_setname_np(mover->thread, "rhebok-mover");
    return error;
}

/* Returns 0 or an errno. */
static int begin(struct rhb_mover *mover)
{
    int error = start_thread(mover);
    mover->runs = error == 0;
    return error;
}

static void end(struct rhb_mover *mover)
{
    uint64_t number = 1;
    if (!mover->runs || write(mover->end, &number, sizeof number) != sizeof number)
        return;
    pthread_join(mover->thread, NULL);
    mover->runs = false;
    (void)!read(mover->end, &number, sizeof number);
}

bool rhb_mover_start(struct rhb_loop *loop)
{
    struct rhb_mover *mover = calloc(1, sizeof *mover);
    if (mover == NULL)
        return false;
    mover->loop = loop;
    rhb_lock_init(&mover->pausing);
    mover->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->mover = mover; /* before its thread may enter the loop */
    int error = mover->end < 0 ? errno : begin(mover);
    if (error == 0)
        return true;
    loop->mover = NULL;
    if (mover->end >= 0)
        close(mover->end);
    free(mover);
    errno = error;
    return false;
}

void rhb_mover_pause(struct rhb_loop *loop)
{
    struct rhb_mover *mover = loop->mover;
    if (mover == NULL)
        return;
    rhb_lock_take(&mover->pausing);
    if (mover->pauses++ == 0)
        end(mover);
    rhb_lock_give(&mover->pausing);
}

bool rhb_mover_resume(struct rhb_loop *loop)
{
    struct rhb_mover *mover = loop->mover;
    int error = 0;
    if (mover == NULL)
        return true;
    rhb_lock_take(&mover->pausing);
    if (--mover->pauses == 0)
        error = begin(mover);
    rhb_lock_give(&mover->pausing);
    errno = error;
    return error == 0;
}

void rhb_mover_stop(struct rhb_loop *loop)
{
    struct rhb_mover *mover = loop->mover;
    if (mover == NULL)
        return;
    end(mover);
    loop->mover = NULL;
    close(mover->end);
    free(mover);
}
