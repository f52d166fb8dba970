/* The scoreboard: memory that workers share with their master. Each thread of a worker has one
 * score: a first cache line that every request changes, and the request line of the current
 * request. Only this worker writes to it, so atomic stores are enough; there is no system call. The
 * master reads the same layout in rhebok/serving/scoreboard.py. A last cache line, in the score of
 * the first thread, tells the other workers how busy this one is. */
#ifndef RHB_SCOREBOARD_H
#define RHB_SCOREBOARD_H

#include "base/clock.h"
#include "base/peer.h"
#include "base/shared_words.h"
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* A score is a multiple of 128 bytes: no cache line has parts of two workers, even where a line has
 * 128 bytes. */
enum { RHB_SCORE_LINE = 240, RHB_SCORE_SIZE = 384, RHB_SCORE_WORKER = 320 };

/* The worker as a whole. All of its fields are written by the worker, and `expected` by the others
 * too. */
struct rhb_worker_score {
    _Atomic uint32_t waiting;  /* 1 while its loop waits for events */
    _Atomic uint32_t accepts;  /* 1 from its start until it stops */
    _Atomic uint32_t open;     /* connections, at its last look at epoll */
    _Atomic uint32_t staying;  /* of these, in epoll: kept alive, silent or slow */
    _Atomic uint32_t expected; /* connections that others have sent to it and it has not taken */
    _Atomic uint32_t sent;     /* connections that it has sent to others, because requests waited */
    _Atomic uint32_t taken;    /* such connections that it has taken */
    _Atomic uint32_t given;    /* idle connections that it has sent, for the balance */
    _Atomic uint32_t received; /* such connections that it has taken */
    _Atomic uint64_t main_alive; /* CLOCK_MONOTONIC ns: when the main thread ran Python code, about
                                    once a second; 0: it serves requests itself */
    char reserved[16];
};

struct rhb_score {
    _Atomic uint64_t deadline; /* CLOCK_MONOTONIC ns: when the current request must be answered; 0:
                                  there is no request, or no limit */
    _Atomic uint64_t requests; /* started so far */
    _Atomic uint32_t busy;     /* 1 while the application has a request */
    _Atomic uint32_t sending;  /* suspended responses */
    _Atomic uint32_t line_len;
    _Atomic uint64_t unsent; /* bytes in memory of the suspended responses */
    _Atomic uint64_t alive;  /* CLOCK_MONOTONIC ns: the last look at the event loop, at least once a
                                second while there is no request; 0: not in the loop */
    _Atomic uint64_t began; /* CLOCK_MONOTONIC ns: when the current request, or the last one, did */
    uint8_t client_family;  /* as in struct rhb_peer; of its client, */
    char reserved[7];
    char line[RHB_SCORE_LINE]; /* method and target of the current request, cut to this length */
    char client[RHB_SCORE_WORKER - 64 - RHB_SCORE_LINE]; /* and the address of that */
    struct rhb_worker_score worker; /* used in the score of the first thread only */
};

static_assert(sizeof(struct rhb_score) == RHB_SCORE_SIZE, "as in rhebok/serving/scoreboard.py");
static_assert(RHB_SCORE_SIZE % 128 == 0, "whole cache lines");
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "processes share no lock");
static_assert(offsetof(struct rhb_score, unsent) == 32, "the offsets too");
static_assert(offsetof(struct rhb_score, alive) == 40, "the offsets too");
static_assert(offsetof(struct rhb_score, began) == 48, "the offsets too");
static_assert(offsetof(struct rhb_score, client_family) == 56, "the offsets too");
static_assert(sizeof((struct rhb_score *)0)->client == sizeof((struct rhb_peer *)0)->address,
              "an address");
static_assert(offsetof(struct rhb_score, worker) == RHB_SCORE_WORKER, "the offsets too");
static_assert(offsetof(struct rhb_worker_score, main_alive) == 40, "the offsets too");
static_assert(offsetof(struct rhb_score, line) == 64, "the line has cache lines of its own");

/* The line of the current request. Without the GIL the main thread of this process may read it
 * meanwhile, for a signal. */
static inline void rhb_score_line(struct rhb_score *score, const char *line, size_t len)
{
#ifdef RHB_FREE_THREADED
    rhb_shared_store(score->line, line, len);
#else
    memcpy(score->line, line, len);
#endif
    atomic_store_explicit(&score->line_len, (uint32_t)len, memory_order_relaxed);
}

/* The application starts a request with this method and target. timeout: ns; 0: no limit. */
static inline void rhb_score_begin(struct rhb_score *score, const char *line, size_t len,
                                   uint64_t timeout)
{
    size_t kept = len < RHB_SCORE_LINE ? len : RHB_SCORE_LINE;
    uint64_t requests = atomic_load_explicit(&score->requests, memory_order_relaxed);
    rhb_score_line(score, line, kept);
    atomic_store_explicit(&score->requests, requests + 1, memory_order_relaxed);
    atomic_store_explicit(&score->busy, 1, memory_order_relaxed);
    /* last, so that a reader of the deadline also sees its request line */
    atomic_store_explicit(&score->deadline, timeout ? rhb_now_coarse() + timeout : 0,
                          memory_order_release);
}

/* Whose request it is. */
static inline void rhb_score_client(struct rhb_score *score, const struct rhb_peer *client)
{
    score->client_family = client->family;
    memcpy(score->client, &client->address, sizeof score->client);
}

/* When the request began that the application starts or continues, and whose it is. */
static inline void rhb_score_began(struct rhb_score *score, uint64_t ns,
                                   const struct rhb_peer *client)
{
    atomic_store_explicit(&score->began, ns, memory_order_relaxed);
    rhb_score_client(score, client);
}

/* The application continues a suspended response, and has the whole timeout again. */
static inline void rhb_score_resume(struct rhb_score *score, const char *line, size_t len,
                                    uint64_t timeout)
{
    rhb_score_begin(score, line, len, timeout);
    atomic_fetch_sub_explicit(&score->requests, 1, memory_order_relaxed);
}

/* The application sends a block or reads of the body, and has the whole timeout again. Nothing
 * changes for a request that has no limit now, nor for one that is late: the master may have seen
 * that. */
static inline void rhb_score_progress(struct rhb_score *score, uint64_t timeout)
{
    uint64_t now = rhb_now_coarse();
    if (atomic_load_explicit(&score->deadline, memory_order_relaxed) > now)
        atomic_store_explicit(&score->deadline, now + timeout, memory_order_relaxed);
}

/* The application has finished the request. */
static inline void rhb_score_end(struct rhb_score *score)
{
    atomic_store_explicit(&score->deadline, 0, memory_order_relaxed);
    atomic_store_explicit(&score->busy, 0, memory_order_relaxed);
}

/* The current request has no limit from now on: it has upgraded, or waits for its client. */
static inline void rhb_score_no_limit(struct rhb_score *score)
{
    atomic_store_explicit(&score->deadline, 0, memory_order_relaxed);
}

/* Changes the number of suspended responses by `by`. */
static inline void rhb_score_sending(struct rhb_score *score, int by)
{
    atomic_fetch_add_explicit(&score->sending, (uint32_t)by, memory_order_relaxed);
}

/* A suspended response had `before` bytes in memory, and has `now`. */
static inline void rhb_score_unsent(struct rhb_score *score, uint64_t before, uint64_t now)
{
    atomic_fetch_add_explicit(&score->unsent, now - before, memory_order_relaxed);
}

static inline void rhb_count(_Atomic uint32_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* The thread has looked at the event loop at this time; 0: it has left the loop. */
static inline void rhb_score_alive(struct rhb_score *score, uint64_t now)
{
    atomic_store_explicit(&score->alive, now, memory_order_relaxed);
}

/* The main thread of a worker whose requests are served by others has run, at this time. score:
 * that of the first thread. */
static inline void rhb_score_main_alive(struct rhb_score *score, uint64_t now)
{
    atomic_store_explicit(&score->worker.main_alive, now, memory_order_relaxed);
}

#endif
