/* A lane: the current request of one thread, and the buffers for it. Several threads can have a
 * request each, while one thread at a time is in the loop. */
#ifndef RHB_LANE_H
#define RHB_LANE_H

#include "cache/cache.h"
#include "connection.h"
#include "http/answer.h"
#include "lap.h"
#include "scoreboard.h"

enum { RHB_READ_SIZE = 65536 /* bytes of the buffer of a lane */ };

struct rhb_lane {
    struct rhb_lane *next;
    bool inside;              /* its thread is in the loop (presence.h) */
    struct rhb_conn *current; /* the connection of the current request; NULL: no request */
    struct rhb_request request;
    char *rest; /* bytes behind the current request: the next ones of a pipeline */
    size_t rest_len;
    bool reads_until_whole;       /* intake.c only: the caller reads on while a head is not whole */
    char *buffer;                 /* for recv, where bytes cannot go to their own place at once */
    char *path;                   /* options.limits.line bytes for a decoded path */
    struct rhb_question question; /* about the current request, for answers of C (answers.h) */
    struct rhb_answer answer;     /* to it, while it is being sent for the first time */
    struct rhb_bytes out;         /* the head of that */
    struct rhb_moment asked_at;   /* before the application gets its request (caching.h) */
    char *held_input;             /* parked input that holds the current request; freed with it */
    struct rhb_score *score;      /* the scoreboard slot of this thread; never NULL. Not owned. */
    struct rhb_score no_score;    /* what score points to when there is no master */
    enum rhb_lap_due due;         /* with the next reading of the clock */
    struct rhb_lap lap;           /* of the current request, if threads share the loop; otherwise
                                     only `front` is used */
};

/* Its thread enters and leaves the loop (presence.h). */
void rhb_lane_enter(struct rhb_lane *lane, _Atomic uint32_t *presence);
void rhb_lane_leave(struct rhb_lane *lane, _Atomic uint32_t *presence);

/* Frees a lane that has no current request. */
void rhb_lane_free(struct rhb_lane *lane);

#endif
