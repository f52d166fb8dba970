/* Where C answers a request before the application is asked: loop->answerers (http/answer.h) are
 * asked in turn, and the answer of the first that has one is sent here. Without answerers a request
 * costs one branch (rhb_loop_poll).
 *
 * The place is behind the parser, the target and the body, and before everything that is the
 * application's: an answer counts for no --max-requests, has no --request-timeout and no time with
 * the application. All else is as for its responses: the access log and statsd, the board, the
 * decision to keep the connection (rhb_loop_may_keep), pipelined requests. What the socket does not
 * take waits, parked in RHB_CONN_SEND as any suspended response, with conn->sending in place of
 * conn->owner: --send-timeout, --min-rate and a graceful stop treat it alike, and the caller never
 * sees its events. */
#ifndef RHB_ANSWERS_H
#define RHB_ANSWERS_H

#include "caching.h"

/* Asks this one too, behind the others; before the loop is polled. At most RHB_ANSWERERS. */
void rhb_answers_add(struct rhb_loop *loop, const struct rhb_answerer *answerer);

/* Whether nobody can have an answer to the request, as for most of those of the application. On the
 * path of every request, if there are answerers: few instructions. The byte behind the path belongs
 * to the head too, or is the NUL of a literal. */
static inline bool rhb_answers_pass(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    return !loop->second[(unsigned char)loop->lane->request.path[1]] &&
           (loop->cache == NULL || rhb_caching_passes(loop, conn));
}

/* An event that the caller of the loop would get. Returns it, RHB_EVENT_NONE if it has been dealt
 * with here, or now and then RHB_EVENT_ANSWERED or RHB_EVENT_ANSWER_FAILED instead. */
enum rhb_event rhb_answers_handle(struct rhb_loop *loop, enum rhb_event event,
                                  struct rhb_conn *conn);

/* Once a second: the answerers may do what needs no request. */
void rhb_answers_tick(const struct rhb_loop *loop, uint64_t now);

/* The connection is closed in the middle of conn->sending, which is not NULL. */
void rhb_sending_drop(struct rhb_loop *loop, struct rhb_conn *conn);

#endif
