/* What a worker says about itself in memory that it shares with its master: one slot a worker, its
 * first cache line written with every request, the rest with the request line of the one at hand.
 * Nobody else writes to a slot while its worker lives, so plain atomic stores do, and no system
 * call is made. The master reads the same layout in rhebok/scoreboard.py. */
#ifndef RHB_SCOREBOARD_H
#define RHB_SCOREBOARD_H

#include "base/clock.h"
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { RHB_SCORE_LINE = 240, RHB_SCORE_SIZE = 320 };

struct rhb_score {
    _Atomic uint64_t deadline; /* CLOCK_MONOTONIC ns by which the request at hand must be answered;
                                  0: none is, or it has no limit */
    _Atomic uint64_t requests; /* begun so far */
    _Atomic uint32_t busy;     /* 1 while the application has a request */
    _Atomic uint32_t sending;  /* responses that wait for their clients */
    _Atomic uint32_t line_len;
    _Atomic uint64_t unsent; /* bytes in memory of the responses that wait */
    char reserved[24];
    char line[RHB_SCORE_LINE]; /* method and target of the request at hand, cut */
    char rest[RHB_SCORE_SIZE - 64 - RHB_SCORE_LINE];
};

static_assert(sizeof(struct rhb_score) == RHB_SCORE_SIZE, "rhebok/scoreboard.py knows the size");
static_assert(offsetof(struct rhb_score, unsent) == 32, "and the places");
static_assert(offsetof(struct rhb_score, line) == 64, "the line has cache lines of its own");

/* The application gets a request, `line`, and has `timeout` ns for it (0: no limit). */
static inline void rhb_score_begin(struct rhb_score *score, const char *line, size_t len,
                                   uint64_t timeout)
{
    size_t kept = len < RHB_SCORE_LINE ? len : RHB_SCORE_LINE;
    uint64_t requests = atomic_load_explicit(&score->requests, memory_order_relaxed);
    memcpy(score->line, line, kept);
    atomic_store_explicit(&score->line_len, (uint32_t)kept, memory_order_relaxed);
    atomic_store_explicit(&score->requests, requests + 1, memory_order_relaxed);
    atomic_store_explicit(&score->busy, 1, memory_order_relaxed);
    /* last, so that whoever sees the deadline sees whose it is */
    atomic_store_explicit(&score->deadline, timeout ? rhb_now_coarse() + timeout : 0,
                          memory_order_release);
}

/* The application goes on with a response that its client has made room for: a new span of time. */
static inline void rhb_score_resume(struct rhb_score *score, const char *line, size_t len,
                                    uint64_t timeout)
{
    rhb_score_begin(score, line, len, timeout);
    atomic_fetch_sub_explicit(&score->requests, 1, memory_order_relaxed);
}

/* The application has no request any more, or waits for its client in write(). */
static inline void rhb_score_end(struct rhb_score *score)
{
    atomic_store_explicit(&score->deadline, 0, memory_order_relaxed);
    atomic_store_explicit(&score->busy, 0, memory_order_relaxed);
}

/* The request at hand may take as long as it likes from now on. */
static inline void rhb_score_no_limit(struct rhb_score *score)
{
    atomic_store_explicit(&score->deadline, 0, memory_order_relaxed);
}

/* Responses that wait for their clients: `by` more of them. */
static inline void rhb_score_sending(struct rhb_score *score, int by)
{
    atomic_fetch_add_explicit(&score->sending, (uint32_t)by, memory_order_relaxed);
}

/* One of them had `before` bytes in memory, and has `now`. */
static inline void rhb_score_unsent(struct rhb_score *score, uint64_t before, uint64_t now)
{
    atomic_fetch_add_explicit(&score->unsent, now - before, memory_order_relaxed);
}

#endif
