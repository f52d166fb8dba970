#include "intake.h"
#include "base/live.h"
#include "body_turns.h"
#include "http/proxy_protocol.h"
#include "pace.h"
#include "parking.h"
#include "refusal.h"
#include "socket_io.h"
#include <stdlib.h>

enum {
    MAX_EXTENSION = 4096, /* bytes of chunk extension on one line */
    MAX_TRAILER = 16384,
    HEAD_STEP = 4096, /* room for one more read of a parked head */
    BODY_READS = 32   /* before it is others' turn */
};

static const char continue_100[] = "HTTP/1.1 100 Continue\r\n\r\n";

static enum rhb_event refuse(struct rhb_loop *loop, struct rhb_conn *conn, int status,
                             const struct phr_request_head *head)
{
    rhb_refuse(loop, conn, status, head);
    return RHB_EVENT_NONE;
}

static int status_of(int parsed)
{
    switch (parsed) {
    case PHR_BAD_VERSION:
        return 505;
    case PHR_LINE_TOO_LONG:
        return 414;
    case PHR_FIELD_TOO_LONG:
    case PHR_HEAD_TOO_LONG:
    case PHR_TOO_MANY_FIELDS:
        return 431;
    default:
        return 400;
    }
}

static int status_of_body(enum rhb_body_result result)
{
    return result == RHB_BODY_NO_MEMORY ? 503 : 500;
}

/* The request is complete: the connection is the caller's until rhb_loop_done. */
static enum rhb_event deliver(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_unpark(conn);
    conn->requests++;
    conn->head_seen = 0;
    loop->lane->at_hand = conn;
    return RHB_EVENT_REQUEST;
}

/* Splits the target and decodes its path. Returns 0 or the status to answer. */
static int resolve_target(struct rhb_loop *loop, struct rhb_request *request)
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

/* Takes the parked input off the connection for as long as the request at hand points into it. */
static void hold_input(struct rhb_loop *loop, struct rhb_conn *conn, const char *data)
{
    if (data != conn->in.data)
        return;
    loop->lane->drop = conn->in.data;
    conn->in = (struct rhb_bytes){0};
}

/* ---- bodies that did not come together with their head ---- */

static enum rhb_event body_complete(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_request *request = &loop->lane->request;
    rhb_body_turn_end(loop, conn->incoming);
    request->head.num_fields = loop->options.max_fields;
    int parsed = phr_parse_request_strict(conn->in.data, conn->in.len, &loop->options.limits,
                                          &request->head, 0);
    if (parsed < 0 || resolve_target(loop, request) != 0)
        return refuse(loop, conn, 500, NULL); /* it was good when its head came */
    request->framing = conn->incoming->framing;
    request->head_bytes = conn->in.data;
    request->head_len = conn->in.len;
    request->inline_body = NULL;
    request->body = &conn->incoming->body;
    request->body_len = conn->incoming->body.len;
    hold_input(loop, conn, conn->in.data);
    return deliver(loop, conn);
}

static bool too_large(const struct rhb_loop *loop, const struct rhb_body *body, size_t more)
{
    return loop->options.max_body != 0 && body->len + more > loop->options.max_body;
}

/* Decodes len bytes of a chunked body at data and appends them. 0: goes on; 1: complete, the rest
 * of the connection's bytes is set; otherwise the status to answer. */
static int feed_chunked(struct rhb_loop *loop, struct rhb_incoming *incoming, char *data,
                        size_t len)
{
    size_t decoded = len;
    ssize_t left = phr_decode_chunked_strict(&incoming->decoder, data, &decoded);
    if (left == -1)
        return 400;
    if (too_large(loop, &incoming->body, decoded))
        return 413;
    enum rhb_body_result result = rhb_body_append(&incoming->body, data, decoded);
    if (result != RHB_BODY_OK)
        return status_of_body(result);
    if (left < 0)
        return 0;
    loop->lane->rest = data + decoded;
    loop->lane->rest_len = (size_t)left;
    return 1;
}

/* One recv of a body, again for the second and later ones in a row. Results of feed_chunked; *io
 * says what recv said. */
static int read_body_once(struct rhb_loop *loop, struct rhb_conn *conn, bool again, enum rhb_io *io)
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
        return 0;
    if ((got == cap || again) && conn->registered) /* otherwise epoll will be asked, and will say */
        conn->more = true;
    if (chunked)
        return feed_chunked(loop, incoming, at, got);
    enum rhb_body_result result = RHB_BODY_OK;
    if (direct)
        rhb_body_grew(body, got);
    else
        result = rhb_body_append(body, at, got);
    if (result != RHB_BODY_OK)
        return status_of_body(result);
    return got == left;
}

static enum rhb_event read_body(struct rhb_loop *loop, struct rhb_conn *conn)
{
    enum rhb_io io = RHB_IO_OK;
    int result = 0;
    if (!rhb_body_turn_take(loop, conn))
        return RHB_EVENT_NONE;
    for (int reads = 0; io == RHB_IO_OK && result == 0; reads++) {
        if (reads == BODY_READS) {
            rhb_unpark(conn);
            rhb_make_ready(loop, conn);
            return RHB_EVENT_NONE;
        }
        result = read_body_once(loop, conn, reads > 0, &io);
    }
    if (result == 1)
        return body_complete(loop, conn);
    if (result != 0)
        return refuse(loop, conn, result, NULL);
    if (io == RHB_IO_AGAIN && rhb_body_lags(loop, conn->incoming))
        return refuse(loop, conn, 408, NULL);
    if (io == RHB_IO_AGAIN) {
        conn->more = false;
        rhb_park(loop, conn, RHB_CONN_BODY);
    } else {
        rhb_conn_close(loop, conn);
    }
    return RHB_EVENT_NONE;
}

/* The head is complete, its body is not: keeps both. data: where head (head_len bytes) and body
 * (body_len bytes, already without chunk framing) stand. Returns 0 or the status to answer. */
static int start_incoming(struct rhb_loop *loop, struct rhb_conn *conn, const char *data,
                          size_t head_len, size_t body_len,
                          const struct phr_strict_chunked *decoder)
{
    struct rhb_incoming *incoming = malloc(sizeof *incoming);
    if (incoming == NULL)
        return 503;
    RHB_LIVE_BORN(RHB_LIVE_INCOMING);
    incoming->framing = loop->lane->request.framing;
    incoming->decoder = *decoder;
    incoming->since = rhb_now_coarse();
    rhb_body_init(&incoming->body, loop->lane->request.framing.content_length,
                  loop->options.body_buffer, loop->options.body_memory);
    rhb_body_turn_init(loop, incoming);
    conn->incoming = incoming;
    conn->expected = RHB_EXPECT_BODY;
    enum rhb_body_result result = rhb_body_append(&incoming->body, data + head_len, body_len);
    if (result != RHB_BODY_OK)
        return status_of_body(result);
    if (data == conn->in.data)
        conn->in.len = head_len;
    else if (!rhb_bytes_append(&conn->in, data, head_len))
        return 503;
    return 0;
}

/* RFC 9110 section 10.1.1: not when a part of the body is there already. Left out when the socket
 * is full. False when the connection is of no more use; a part that went out would spoil what
 * follows. */
static bool send_continue(struct rhb_conn *conn)
{
    size_t done;
    enum rhb_io io = rhb_send_all(conn->fd, continue_100, sizeof continue_100 - 1, &done);
    return io == RHB_IO_OK || (io == RHB_IO_AGAIN && done == 0);
}

static enum rhb_event await_body(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                 size_t len, size_t body_len,
                                 const struct phr_strict_chunked *decoder)
{
    size_t head_len = loop->lane->request.head_len;
    bool wants_continue = loop->lane->request.framing.expect_continue && len == head_len;
    int status = start_incoming(loop, conn, data, head_len, body_len, decoder);
    if (status != 0)
        return refuse(loop, conn, status, NULL);
    if (wants_continue && !send_continue(conn)) {
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
    return read_body(loop, conn);
}

/* ---- heads ---- */

static enum rhb_event inline_complete(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                      size_t body_len, char *rest, size_t rest_len)
{
    struct rhb_request *request = &loop->lane->request;
    request->inline_body = data + request->head_len;
    request->body = NULL;
    request->body_len = body_len;
    loop->lane->rest = rest;
    loop->lane->rest_len = rest_len;
    hold_input(loop, conn, data);
    return deliver(loop, conn);
}

static enum rhb_event take_chunked(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                   size_t len)
{
    struct phr_strict_chunked decoder = {.max_extension = MAX_EXTENSION,
                                         .max_trailer = MAX_TRAILER};
    size_t head_len = loop->lane->request.head_len, decoded = len - head_len;
    char *body = data + head_len;
    ssize_t left = phr_decode_chunked_strict(&decoder, body, &decoded);
    if (left == -1)
        return refuse(loop, conn, 400, &loop->lane->request.head);
    if (loop->options.max_body != 0 && decoded > loop->options.max_body)
        return refuse(loop, conn, 413, &loop->lane->request.head);
    if (left >= 0)
        return inline_complete(loop, conn, data, decoded, body + decoded, (size_t)left);
    return await_body(loop, conn, data, len, decoded, &decoder);
}

static enum rhb_event take_body(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                size_t len)
{
    static const struct phr_strict_chunked no_decoder;
    const struct rhb_request *request = &loop->lane->request;
    if (request->framing.body == RHB_BODY_CHUNKED)
        return take_chunked(loop, conn, data, len);
    size_t there = len - request->head_len;
    uint64_t wanted = request->framing.content_length;
    if (there < wanted)
        return await_body(loop, conn, data, len, there, &no_decoder);
    char *rest = data + request->head_len + wanted;
    return inline_complete(loop, conn, data, (size_t)wanted, rest, there - (size_t)wanted);
}

static enum rhb_event read_rest(struct rhb_loop *loop, struct rhb_conn *conn);

/* The head is there but not whole: keeps it and waits. The deadline runs from its first byte. Where
 * no edge may come for what is there it is read at once. */
static enum rhb_event await_head(struct rhb_loop *loop, struct rhb_conn *conn, const char *data,
                                 size_t len)
{
    if (data != conn->in.data && !rhb_bytes_append(&conn->in, data, len))
        return refuse(loop, conn, 503, NULL);
    bool no_edge = conn->registered; /* for what is there already: epoll has reported it */
    conn->head_seen = len;
    if (conn->state != RHB_CONN_HEAD && !rhb_park(loop, conn, RHB_CONN_HEAD))
        return RHB_EVENT_NONE;
    if (!no_edge)
        return RHB_EVENT_NONE;
    return loop->lane->reads_on ? RHB_EVENT_READ : read_rest(loop, conn);
}

static enum rhb_event parse(struct rhb_loop *loop, struct rhb_conn *conn, char *data, size_t len)
{
    struct rhb_request *request = &loop->lane->request;
    struct phr_request_head *head = &request->head;
    head->num_fields = loop->options.max_fields;
    int parsed = phr_parse_request_strict(data, len, &loop->options.limits, head, conn->head_seen);
    if (parsed == PHR_INCOMPLETE)
        return await_head(loop, conn, data, len);
    if (parsed < 0)
        return refuse(loop, conn, status_of(parsed), NULL);
    request->head_bytes = data;
    request->head_len = (size_t)parsed;
    int status = resolve_target(loop, request);
    if (status != 0)
        return refuse(loop, conn, status, head);
    rhb_framing_plan(&request->framing, head, loop->options.max_body);
    if (request->framing.status != 0)
        return refuse(loop, conn, request->framing.status, head);
    if (request->framing.body == RHB_BODY_NONE)
        return inline_complete(loop, conn, data, 0, data + parsed, len - (size_t)parsed);
    return take_body(loop, conn, data, len);
}

/* When stopping, a connection that has never said a word is not waited for longer than others. */
static enum rhb_conn_state state_between_bytes(const struct rhb_loop *loop,
                                               const struct rhb_conn *conn)
{
    if (conn->in.len > 0)
        return RHB_CONN_HEAD;
    return conn->requests > 0 || loop->stopping ? RHB_CONN_IDLE : RHB_CONN_FRESH;
}

/* Nothing there yet. A connection that has never been read gets a short wait before it is parked,
 * since its bytes are usually on their way and parking costs more than the request. */
static enum rhb_event nothing_yet(struct rhb_loop *loop, struct rhb_conn *conn)
{
    conn->more = false;
    if (conn->requests == 0 && !conn->graced && conn->in.len == 0) {
        conn->graced = true;
        if (loop->grace_credit > 0 || loop->fresh_misses++ % RHB_GRACE_PROBE == 0) {
            loop->in_grace = conn;
            return RHB_EVENT_NONE;
        }
    }
    if (conn->state == RHB_CONN_BUSY)
        rhb_park(loop, conn, state_between_bytes(loop, conn));
    return RHB_EVENT_NONE;
}

/* Takes the bytes of a connection, which are *len at *data then. */
typedef enum rhb_event take_bytes(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                  size_t len);

/* One recv, behind what is parked; take gets all of it. */
static inline enum rhb_event receive(struct rhb_loop *loop, struct rhb_conn *conn, take_bytes *take)
{
    char *at = loop->lane->buffer;
    size_t got, cap = RHB_READ_SIZE;
    if (conn->in.len > 0) {
        if (!rhb_bytes_reserve(&conn->in, HEAD_STEP))
            return refuse(loop, conn, 503, NULL);
        at = conn->in.data + conn->in.len;
        cap = conn->in.cap - conn->in.len;
    }
    enum rhb_io io = rhb_recv(conn->fd, at, cap, &got);
    if (io == RHB_IO_AGAIN)
        return nothing_yet(loop, conn);
    if (io != RHB_IO_OK) {
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
    if (got == cap)
        conn->more = true;
    if (conn->in.len == 0)
        return take(loop, conn, at, got);
    conn->in.len += got;
    return take(loop, conn, conn->in.data, conn->in.len);
}

static enum rhb_event read_head(struct rhb_loop *loop, struct rhb_conn *conn)
{
    return receive(loop, conn, parse);
}

/* ---- what may stand before the first head ---- */

/* The PROXY header is done with: what came behind it begins the first request. */
static enum rhb_event take_first_head(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                      size_t skip, size_t len)
{
    conn->head_seen = 0;
    if (data == conn->in.data) {
        memmove(data, data + skip, len);
        conn->in.len = len;
    } else {
        data += skip;
    }
    rhb_unpark(conn); /* it begins anew, as a fresh one */
    if (len > 0)
        return parse(loop, conn, data, len);
    rhb_conn_drop_input(conn);
    return read_head(loop, conn);
}

static enum rhb_event take_proxy_header(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                        size_t len)
{
    struct rhb_proxy_header header;
    switch (rhb_proxy_read(&header, loop->options.proxy_versions, data, len)) {
    case RHB_PROXY_INCOMPLETE:
        return await_head(loop, conn, data, len);
    case RHB_PROXY_BAD:
        return refuse(loop, conn, 400, NULL);
    case RHB_PROXY_OK:
        break;
    }
    if (header.names_client)
        conn->peer = header.client;
    conn->expected = RHB_EXPECT_HEAD;
    return take_first_head(loop, conn, data, header.len, len - header.len);
}

/* Until all that is expected has come, or nothing is left. That is no more often than the limit of
 * a head has bytes. Each read but the last one shows that the one before did not empty the socket.
 */
static enum rhb_event read_rest(struct rhb_loop *loop, struct rhb_conn *conn)
{
    enum rhb_event event;
    loop->lane->reads_on = true;
    do {
        conn->more = true;
        event = receive(loop, conn, conn->expected == RHB_EXPECT_PROXY ? take_proxy_header : parse);
    } while (event == RHB_EVENT_READ);
    loop->lane->reads_on = false;
    return event;
}

enum rhb_event rhb_intake(struct rhb_loop *loop, struct rhb_conn *conn)
{
    loop->lane->rest_len = 0;
    if (conn->expected == RHB_EXPECT_BODY)
        return read_body(loop, conn);
    if (conn->expected == RHB_EXPECT_PROXY)
        return receive(loop, conn, take_proxy_header);
    if (conn->in.len > conn->head_seen)
        return parse(loop, conn, conn->in.data, conn->in.len);
    return read_head(loop, conn);
}

bool rhb_intake_finish(struct rhb_loop *loop, struct rhb_conn *conn, bool stays)
{
    bool kept = true;
    if (loop->lane->at_hand != conn)
        return true; /* ended when its response was first suspended */
    loop->lane->at_hand = NULL;
    rhb_conn_drop_input(conn);
    rhb_conn_drop_incoming(conn);
    if (stays && loop->lane->rest_len > 0)
        kept = rhb_bytes_append(&conn->in, loop->lane->rest, loop->lane->rest_len);
    loop->lane->rest_len = 0;
    if (loop->lane->drop != NULL) {
        free(loop->lane->drop);
        loop->lane->drop = NULL;
    }
    return kept;
}
