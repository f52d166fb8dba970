#include "body_intake.h"
#include "base/live.h"
#include "body_turns.h"
#include "delivery.h"
#include "pace.h"
#include "parking.h"
#include "refusal.h"
#include "socket_io.h"
#include <errno.h>
#include <stdlib.h>

enum {
    MAX_EXTENSION = 4096, /* bytes of chunk extension on one line */
    MAX_TRAILER = 16384,
    MAX_READS = 32 /* in one go, within RHB_BODY_SHARE; other connections come before the next */
};

/* How far a body is, besides the status to answer when it is refused. */
enum { GOES_ON = 0, IS_COMPLETE = 1, NO_FILE = 2 };

static const char continue_100[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* Directly after the result, while errno is that of the file. */
static int status_of(struct rhb_loop *loop, enum rhb_body_result result)
{
    if (result == RHB_BODY_NO_MEMORY)
        return 503;
    loop->body_error = errno;
    return NO_FILE;
}

/* Answers a request whose body cannot be received. */
static enum rhb_event refuse(struct rhb_loop *loop, struct rhb_conn *conn, int status,
                             const struct phr_request_head *head)
{
    if (status != NO_FILE)
        return rhb_refuse(loop, conn, status, head);
    rhb_refuse(loop, conn, 500, head);
    return RHB_EVENT_NO_BODY_FILE;
}

static bool is_too_large(const struct rhb_loop *loop, uint64_t len)
{
    return loop->options.max_body != 0 && len > loop->options.max_body;
}

/* ---- receiving ---- */

static enum rhb_event complete(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_request *request = &loop->lane->request;
    rhb_body_turn_release(loop, conn->incoming);
    request->head.num_fields = loop->options.max_fields;
    int parsed = phr_parse_request_strict(conn->in.data, conn->in.len, &loop->options.limits,
                                          &request->head, 0);
    if (parsed < 0 || rhb_resolve_target(loop, request) != 0)
        return rhb_refuse(loop, conn, 500, NULL); /* cannot be: it was valid when it arrived */
    request->framing = conn->incoming->framing;
    request->head_bytes = conn->in.data;
    request->head_len = conn->in.len;
    request->inline_body = NULL;
    request->body = &conn->incoming->body;
    request->body_len = conn->incoming->body.len;
    rhb_hold_input(loop, conn, conn->in.data);
    return rhb_deliver(loop, conn);
}

/* Decodes len bytes of a chunked body at data, and appends them. Returns GOES_ON, IS_COMPLETE (then
 * the rest of the lane is set), or the status to answer. */
static int append_chunked(struct rhb_loop *loop, struct rhb_incoming *incoming, char *data,
                          size_t len)
{
    size_t decoded = len;
    ssize_t left = phr_decode_chunked_strict(&incoming->decoder, data, &decoded);
    if (left == -1)
        return 400;
    if (is_too_large(loop, incoming->body.len + decoded))
        return 413;
    enum rhb_body_result result = rhb_body_append(&incoming->body, data, decoded);
    if (result != RHB_BODY_OK)
        return status_of(loop, result);
    if (left < 0)
        return GOES_ON;
    loop->lane->rest = data + decoded;
    loop->lane->rest_len = (size_t)left;
    return IS_COMPLETE;
}

/* One recv of a body; again: not the first one in a row. Returns the same as append_chunked. *io is
 * the result of recv. */
static int receive_once(struct rhb_loop *loop, struct rhb_conn *conn, bool again, enum rhb_io *io)
{
    struct rhb_incoming *incoming = conn->incoming;
    struct rhb_body *body = &incoming->body;
    bool chunked = incoming->framing.body == RHB_BODY_CHUNKED;
    uint64_t left = incoming->framing.content_length - body->len;
    char *at = loop->lane->buffer;
    size_t got, cap = chunked ? 0 : rhb_body_window(body, left, &at);
    bool direct = cap > 0;
    if (!direct)
        cap = chunked || left > RHB_READ_SIZE ? RHB_READ_SIZE : (size_t)left;
    *io = rhb_recv(conn->fd, at, cap, &got);
    if (*io != RHB_IO_OK)
        return GOES_ON;
    loop->board->bytes_in += got;
    if ((got == cap || again) && conn->registered) /* otherwise epoll is asked, and will report */
        conn->more = true;
    if (chunked)
        return append_chunked(loop, incoming, at, got);
    enum rhb_body_result result = RHB_BODY_OK;
    if (direct)
        rhb_body_grew(body, got);
    else
        result = rhb_body_append(body, at, got);
    if (result != RHB_BODY_OK)
        return status_of(loop, result);
    return got == left ? IS_COMPLETE : GOES_ON;
}

/* recv had nothing, or failed. */
static enum rhb_event wait_for_more(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_io io)
{
    if (io != RHB_IO_AGAIN) {
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
    if (rhb_body_lags(loop, conn->incoming))
        return rhb_refuse(loop, conn, 408, NULL);
    conn->more = false;
    rhb_park(loop, conn, RHB_CONN_BODY);
    return RHB_EVENT_NONE;
}

/* since: in exact ns. Returns the time now. */
static uint64_t count_work(struct rhb_loop *loop, uint64_t since)
{
    uint64_t now = rhb_now_exact();
    loop->body_ns += now - since;
    loop->read_at = now;
    return now;
}

enum rhb_event rhb_body_receive(struct rhb_loop *loop, struct rhb_conn *conn)
{
    enum rhb_io io = RHB_IO_OK;
    int result = GOES_ON;
    if (!rhb_body_turn_acquire(loop, conn))
        return RHB_EVENT_NONE;
    uint64_t since = rhb_now_exact();
    for (int reads = 0; io == RHB_IO_OK && result == GOES_ON; reads++) {
        if (reads == MAX_READS || (reads > 0 && loop->body_ns >= RHB_BODY_SHARE)) {
            rhb_unpark(loop, conn);
            rhb_make_ready(loop, conn);
            return RHB_EVENT_NONE;
        }
        result = receive_once(loop, conn, reads > 0, &io);
        since = count_work(loop, since);
    }
    if (result == IS_COMPLETE)
        return complete(loop, conn);
    if (result != GOES_ON)
        return refuse(loop, conn, result, NULL);
    return wait_for_more(loop, conn, io);
}

/* ---- the start ---- */

/* Keeps the head, and the first body_len bytes of the body, which stand behind it. Returns 0 or the
 * status to answer. */
static int start_incoming(struct rhb_loop *loop, struct rhb_conn *conn, const char *data,
                          size_t body_len, const struct phr_strict_chunked *decoder)
{
    size_t head_len = loop->lane->request.head_len;
    struct rhb_incoming *incoming = malloc(sizeof *incoming);
    if (incoming == NULL)
        return 503;
    RHB_LIVE_BORN(RHB_LIVE_INCOMING);
    incoming->framing = loop->lane->request.framing;
    incoming->decoder = *decoder;
    incoming->since = rhb_now_coarse();
    rhb_body_init(&incoming->body, incoming->framing.content_length, loop->options.body_buffer,
                  loop->options.body_memory);
    rhb_body_turn_init(loop, incoming);
    conn->incoming = incoming;
    conn->expected = RHB_EXPECT_BODY;
    enum rhb_body_result result = rhb_body_append(&incoming->body, data + head_len, body_len);
    if (result != RHB_BODY_OK)
        return status_of(loop, result);
    if (data == conn->in.data)
        conn->in.len = head_len;
    else if (!rhb_bytes_append(&conn->in, data, head_len))
        return 503;
    if (incoming->framing.host != NULL) /* in the kept head */
        incoming->framing.host = conn->in.data + (incoming->framing.host - data);
    return 0;
}

/* RFC 9110 section 10.1.1. Left out when the socket is full. False when the connection has failed,
 * or took only a part of the response: then no other response can follow. */
static bool send_continue(struct rhb_conn *conn)
{
    size_t done;
    enum rhb_io io = rhb_send_all(conn->fd, continue_100, sizeof continue_100 - 1, &done);
    return io == RHB_IO_OK || (io == RHB_IO_AGAIN && done == 0);
}

/* Receives a body of which body_len bytes have arrived with the head. RFC 9110 section 10.1.1: 100
 * Continue is sent only if no part of the body has arrived. */
static enum rhb_event await(struct rhb_loop *loop, struct rhb_conn *conn, char *data, size_t len,
                            size_t body_len, const struct phr_strict_chunked *decoder)
{
    bool wants_continue =
        loop->lane->request.framing.expect_continue && len == loop->lane->request.head_len;
    int status = start_incoming(loop, conn, data, body_len, decoder);
    if (status != 0)
        return refuse(loop, conn, status, NULL);
    if (wants_continue && !send_continue(conn)) {
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
    return rhb_body_receive(loop, conn);
}

static enum rhb_event start_chunked(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                    size_t len)
{
    struct phr_strict_chunked decoder = {.max_extension = MAX_EXTENSION,
                                         .max_trailer = MAX_TRAILER};
    size_t head_len = loop->lane->request.head_len, decoded = len - head_len;
    char *body = data + head_len;
    uint64_t since = rhb_now_exact();
    ssize_t left = phr_decode_chunked_strict(&decoder, body, &decoded);
    count_work(loop, since);
    if (left == -1)
        return rhb_refuse(loop, conn, 400, &loop->lane->request.head);
    if (is_too_large(loop, decoded))
        return rhb_refuse(loop, conn, 413, &loop->lane->request.head);
    if (left >= 0)
        return rhb_deliver_inline(loop, conn, data, decoded, body + decoded, (size_t)left);
    return await(loop, conn, data, len, decoded, &decoder);
}

enum rhb_event rhb_body_start(struct rhb_loop *loop, struct rhb_conn *conn, char *data, size_t len)
{
    static const struct phr_strict_chunked no_decoder;
    const struct rhb_request *request = &loop->lane->request;
    if (request->framing.body == RHB_BODY_CHUNKED)
        return start_chunked(loop, conn, data, len);
    size_t there = len - request->head_len;
    uint64_t wanted = request->framing.content_length;
    if (there < wanted)
        return await(loop, conn, data, len, there, &no_decoder);
    char *rest = data + request->head_len + wanted;
    return rhb_deliver_inline(loop, conn, data, (size_t)wanted, rest, there - (size_t)wanted);
}
