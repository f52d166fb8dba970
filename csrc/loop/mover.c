#define _GNU_SOURCE
#include "mover.h"
#include "base/lock.h"
#include "moves.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK (5 * RHB_NS_PER_MS / 2)

enum {
    QUIET_AFTER = 2,   /* ticks without a request, until the mover sleeps */
    STACK = 128 * 1024 /* the least that glibc takes on aarch64 */
};

struct rhb_mover {
    pthread_t thread;
    bool runs;               /* the thread */
    struct rhb_lock pausing; /* of the next one: several threads may fork */
    unsigned pauses;         /* how many have asked for a pause */
    int call;                /* an eventfd: the thread is to wake up, */
    atomic_bool ends;        /* and to end */
    uint64_t requests;       /* that had begun at the last tick */
    unsigned quiet;          /* ticks in which there was nothing */
    bool in_vain;            /* epoll has woken it, and nothing could be sent */
    struct rhb_moves moves;
};

/* ---- a tick ---- */

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
    struct rhb_loop *loop = mover->moves.loop;
    uint64_t requests = requests_of(loop);
    bool sent = false, progress = requests != mover->requests;
    mover->requests = requests;
    mover->quiet = progress || is_busy(loop) ? 0 : mover->quiet + 1;
    if (progress || !rhb_presence_mover_enters(&loop->presence)) {
        mover->moves.stuck = 0;
        if (!progress || !rhb_presence_mover_enters(&loop->presence))
            return;
    } else if (on_time) {
        mover->moves.stuck++;
    }
    /* a thread that waits in epoll handles the events itself */
    if (!is_drained(loop) &&
        (!loop->sleeping || atomic_load_explicit(&loop->slept, memory_order_acquire)))
        sent = rhb_moves_look(&mover->moves);
    mover->in_vain = !on_time && !sent;
    rhb_presence_mover_leaves(&loop->presence);
}

/* ---- sleep ---- */

/* It sleeps while a thread waits for events, and not longer: that thread either sees that it
 * sleeps, or is seen here to wait no more. */
static bool falls_asleep(struct rhb_mover *mover)
{
    struct rhb_loop *loop = mover->moves.loop;
    if (mover->quiet < QUIET_AFTER)
        return false;
    atomic_store(&loop->mover_sleeps, true);
    if (atomic_load(&loop->worker->waiting))
        return true;
    atomic_store(&loop->mover_sleeps, false);
    return false;
}

static void call(struct rhb_mover *mover)
{
    uint64_t number = 1;
    (void)!write(mover->call, &number, sizeof number);
}

static void take_call(struct rhb_mover *mover)
{
    uint64_t number;
    (void)!read(mover->call, &number, sizeof number);
}

void rhb_mover_wake(struct rhb_loop *loop)
{
    atomic_store(&loop->mover_sleeps, false);
    call(loop->mover);
}

/* ---- the thread ---- */

/* Until the next tick, an event, or a call. *on_time: it was the tick. */
static void wait_for_tick(struct rhb_mover *mover, bool *on_time)
{
    struct pollfd fds[2] = {{.fd = mover->call, .events = POLLIN},
                            {.fd = mover->moves.loop->epoll, .events = POLLIN}};
    struct timespec timeout = {.tv_nsec = TICK};
    bool sleeps = falls_asleep(mover);
    bool for_events = sleeps || (mover->moves.stuck > 0 && !mover->in_vain);
    int n = ppoll(fds, for_events ? 2 : 1, sleeps ? NULL : &timeout, NULL);
    if (sleeps) {
        mover->quiet = 0;
        atomic_store(&mover->moves.loop->mover_sleeps, false);
    }
    if (fds[0].revents != 0)
        take_call(mover);
    *on_time = n == 0;
}

static void *run(void *argument)
{
    struct rhb_mover *mover = argument;
    bool on_time;
    for (;;) {
        wait_for_tick(mover, &on_time);
        if (atomic_load(&mover->ends))
            return NULL;
        tick(mover, on_time);
    }
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
    if (!mover->runs)
        return;
    atomic_store(&mover->ends, true);
    call(mover);
    pthread_join(mover->thread, NULL);
    mover->runs = false;
    atomic_store(&mover->ends, false);
}

bool rhb_mover_start(struct rhb_loop *loop)
{
    struct rhb_mover *mover = calloc(1, sizeof *mover);
    if (mover == NULL)
        return false;
    mover->moves.loop = loop;
    rhb_lock_init(&mover->pausing);
    mover->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->mover = mover; /* before its thread may enter the loop */
    int error = mover->call < 0 ? errno : begin(mover);
    if (error == 0)
        return true;
    loop->mover = NULL;
    if (mover->call >= 0)
        close(mover->call);
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
    close(mover->call);
    free(mover);
}
