/* The last steps from received bytes to a complete request of the current lane. Inline, since every
 * request takes them. Called by intake.c and body_intake.c. */
#ifndef RHB_DELIVERY_H
#define RHB_DELIVERY_H

#include "loop.h"
#include "parking.h"

/* Splits the target of the request and decodes its path. Returns 0, or the status to answer. */
static inline int rhb_resolve_target(struct rhb_loop *loop, struct rhb_request *request)
{
    struct rhb_target *target = &request->target;
    int status = rhb_target_split(target, request->head.method, request->head.method_len,
                                  request->head.target, request->head.target_len);
    if (status != 0)
        return status;
    request->path = target->path;
    request->path_len = target->path_len;
    if (memchr(target->path, '%', target->path_len) == NULL)
        return 0;
    ssize_t len = rhb_percent_decode(loop->lane->path, target->path, target->path_len);
    if (len < 0)
        return 400;
    request->path = loop->lane->path;
    request->path_len = (size_t)len;
    return 0;
}

/* data: where the head of the request is. If that is the parked input of the connection, the lane
 * takes it over, and frees it at the end of the request. */
static inline void rhb_hold_input(struct rhb_loop *loop, struct rhb_conn *conn, const char *data)
{
    if (data != conn->in.data)
        return;
    loop->lane->held_input = conn->in.data;
    conn->in = (struct rhb_bytes){0};
}

/* The request is complete. The connection is the caller's until rhb_loop_done. Returns
 * RHB_EVENT_REQUEST. */
static inline enum rhb_event rhb_deliver(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_unpark(loop, conn);
    conn->requests++;
    conn->head_seen = 0;
    loop->lane->current = conn;
    if (loop->look_back)
        rhb_lap_begin_late(loop, conn);
    return RHB_EVENT_REQUEST;
}

/* The same for a request whose body, of body_len bytes, came together with its head. rest: the
 * bytes behind it. */
static inline enum rhb_event rhb_deliver_inline(struct rhb_loop *loop, struct rhb_conn *conn,
                                                char *data, size_t body_len, char *rest,
                                                size_t rest_len)
{
    struct rhb_request *request = &loop->lane->request;
    request->inline_body = data + request->head_len;
    request->body = NULL;
    request->body_len = body_len;
    loop->lane->rest = rest;
    loop->lane->rest_len = rest_len;
    rhb_hold_input(loop, conn, data);
    return rhb_deliver(loop, conn);
}

#endif
