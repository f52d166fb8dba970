/* The board: what an event loop has done so far, in memory that master and supervisor read. Who has
 * the loop, or the GIL where threads share it, alone writes, with plain stores of whole words that
 * only grow (but for `parked`); there is no system call. rhebok/board/layout.py has the same
 * layout. lap.h says how requests are timed. */
#ifndef RHB_BOARD_H
#define RHB_BOARD_H

#include "base/histogram.h"
#include "cache/cache.h"
#include "picohttpparser/strict.h"
#include <assert.h>
#include <stddef.h>
#include <string.h>

/* A board is a multiple of 128 bytes: no cache line has parts of two boards. */
enum { RHB_BOARD_METHODS = 8, RHB_BOARD_CLASSES = 6, RHB_BOARD_STATES = 6, RHB_BOARD_SIZE = 14464 };

enum rhb_board_method {
    RHB_COUNTED_GET,
    RHB_COUNTED_HEAD,
    RHB_COUNTED_POST,
    RHB_COUNTED_PUT,
    RHB_COUNTED_PATCH,
    RHB_COUNTED_DELETE,
    RHB_COUNTED_OPTIONS,
    RHB_COUNTED_OTHER
};

struct rhb_board {
    uint64_t requests[RHB_BOARD_METHODS][RHB_BOARD_CLASSES]; /* by the first digit of the status;
                                                                0: no response has begun */
    uint64_t accepted;                                       /* connections */
    uint64_t bytes_in;                                       /* of requests */
    uint64_t bytes_out;                                      /* of responses */
    uint64_t transferred; /* connections sent to other workers, because their requests waited */
    uint64_t balanced;    /* idle connections sent to them */
    uint32_t parked[RHB_BOARD_STATES]; /* no counter: connections by state (connection.h), at the
                                          last tick of a second */
    struct rhb_histogram prompt;       /* requests that did not wait at all: the time with the
                                          application, which is the total too */
    struct rhb_histogram queue;        /* the others: the time before the application was called, */
    struct rhb_histogram application;  /* the time with the application, */
    struct rhb_histogram total;        /* and the time to the last byte that the kernel took */
    struct rhb_cache_counts cache;     /* where there is one */
    uint64_t reserved[11];
};

static_assert(sizeof(struct rhb_board) == RHB_BOARD_SIZE, "as in rhebok/board/layout.py");
static_assert(RHB_BOARD_SIZE % 128 == 0, "whole cache lines");
static_assert(offsetof(struct rhb_board, accepted) == 384, "the offsets too");
static_assert(offsetof(struct rhb_board, parked) == 424, "the offsets too");
static_assert(offsetof(struct rhb_board, prompt) == 448, "the offsets too");
static_assert(offsetof(struct rhb_board, total) == 448 + 3 * 8 * RHB_HISTOGRAM_BUCKETS,
              "the offsets too");

/* A request has ended. head: NULL if it is not known. status: 0 when no response has begun. bytes:
 * of the response. */
void rhb_board_count(struct rhb_board *board, const struct phr_request_head *head, int status,
                     uint64_t bytes);

/* The same, inline for what is usual. */
static inline void rhb_board_count_usual(struct rhb_board *board,
                                         const struct phr_request_head *head, int status,
                                         uint64_t bytes)
{
    if (memcmp(head->method, "GET ", 4) == 0 && (unsigned)status - 200 < 100) {
        board->requests[RHB_COUNTED_GET][2]++;
        board->bytes_out += bytes;
    } else {
        rhb_board_count(board, head, status, bytes);
    }
}

#endif
