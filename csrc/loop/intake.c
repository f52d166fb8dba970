#include "intake.h"
#include "body_intake.h"
#include "delivery.h"
#include "http/proxy_protocol.h"
#include "parking.h"
#include "refusal.h"
#include "socket_io.h"
#include <stdlib.h>

enum { HEAD_STEP = 4096 /* bytes of space for one more recv of a parked head, at least */ };

/* Parses the input of a connection, which is len bytes at data. */
typedef enum rhb_event parse_input(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                   size_t len);

/* ---- recv ---- */

/* While the loop is stopping, a connection that has sent nothing yet counts as idle. */
static enum rhb_conn_state state_between_bytes(const struct rhb_loop *loop,
                                               const struct rhb_conn *conn)
{
    if (conn->in.len > 0)
        return RHB_CONN_HEAD;
    return conn->requests > 0 || loop->stopping ? RHB_CONN_IDLE : RHB_CONN_FRESH;
}

/* recv had nothing. A new connection gets a grace wait before it is parked (waiting.c): its first
 * bytes are usually on their way. */
static enum rhb_event no_input(struct rhb_loop *loop, struct rhb_conn *conn)
{
    conn->more = false;
    if (conn->requests == 0 && !conn->graced && conn->in.len == 0) {
        conn->graced = true;
        if (loop->grace_credit > 0 || loop->fresh_without_grace++ % RHB_GRACE_PROBE == 0) {
            loop->in_grace = conn;
            return RHB_EVENT_NONE;
        }
    }
    if (conn->state == RHB_CONN_BUSY)
        rhb_park(loop, conn, state_between_bytes(loop, conn));
    return RHB_EVENT_NONE;
}

/* One recv, to behind the parked input if there is any; then all of the input is parsed. */
static inline enum rhb_event receive(struct rhb_loop *loop, struct rhb_conn *conn,
                                     parse_input *parse)
{
    char *at = loop->lane->buffer;
    size_t got, cap = RHB_READ_SIZE;
    if (conn->in.len > 0) {
        if (!rhb_bytes_reserve(&conn->in, HEAD_STEP))
            return rhb_refuse(loop, conn, 503, NULL);
        at = conn->in.data + conn->in.len;
        cap = conn->in.cap - conn->in.len;
    }
    enum rhb_io io = rhb_recv(conn->fd, at, cap, &got);
    if (io == RHB_IO_AGAIN)
        return no_input(loop, conn);
    if (io != RHB_IO_OK) {
        rhb_conn_close(loop, conn);
        return RHB_EVENT_NONE;
    }
    loop->board->bytes_in += got;
    if (got == cap)
        conn->more = true;
    if (conn->in.len == 0)
        return parse(loop, conn, at, got);
    conn->in.len += got;
    return parse(loop, conn, conn->in.data, conn->in.len);
}

/* ---- heads ---- */

static enum rhb_event read_rest(struct rhb_loop *loop, struct rhb_conn *conn);

/* The head is not whole: parks what has arrived. The deadline runs from its first byte. If the
 * connection is in epoll already, more bytes may have arrived for which there will be no further
 * edge; so recv is tried again at once. */
static enum rhb_event await_head(struct rhb_loop *loop, struct rhb_conn *conn, const char *data,
                                 size_t len)
{
    if (data != conn->in.data && !rhb_bytes_append(&conn->in, data, len))
        return rhb_refuse(loop, conn, 503, NULL);
    bool no_edge = conn->registered;
    conn->head_seen = len;
    if (conn->state != RHB_CONN_HEAD && !rhb_park(loop, conn, RHB_CONN_HEAD))
        return RHB_EVENT_NONE;
    if (!no_edge)
        return RHB_EVENT_NONE;
    return loop->lane->reads_until_whole ? RHB_EVENT_READ : read_rest(loop, conn);
}

static int status_of(int parsed)
{
    switch (parsed) {
    case PHR_METHOD_TOO_LONG:
        return 501;
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

static enum rhb_event parse_head(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                 size_t len)
{
    struct rhb_request *request = &loop->lane->request;
    struct phr_request_head *head = &request->head;
    head->num_fields = loop->options.max_fields;
    int parsed = phr_parse_request_strict(data, len, &loop->options.limits, head, conn->head_seen);
    if (parsed == PHR_INCOMPLETE)
        return await_head(loop, conn, data, len);
    if (parsed < 0)
        return rhb_refuse(loop, conn, status_of(parsed), NULL);
    request->head_bytes = data;
    request->head_len = (size_t)parsed;
    int status = rhb_resolve_target(loop, request);
    if (status != 0)
        return rhb_refuse(loop, conn, status, head);
    rhb_framing_plan(&request->framing, head, loop->options.max_body);
    if (request->framing.status != 0)
        return rhb_refuse(loop, conn, request->framing.status, head);
    if (request->framing.body == RHB_BODY_NONE)
        return rhb_deliver_inline(loop, conn, data, 0, data + parsed, len - (size_t)parsed);
    return rhb_body_start(loop, conn, data, len);
}

static enum rhb_event read_head(struct rhb_loop *loop, struct rhb_conn *conn)
{
    return receive(loop, conn, parse_head);
}

/* ---- the PROXY header, which comes before the first head ---- */

/* The first request begins behind the PROXY header: `skip` bytes on, with len bytes. */
static enum rhb_event start_first_head(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                       size_t skip, size_t len)
{
    conn->head_seen = 0;
    if (data == conn->in.data) {
        memmove(data, data + skip, len);
        conn->in.len = len;
    } else {
        data += skip;
    }
    rhb_unpark(loop, conn); /* as if it had just been accepted */
    if (len > 0)
        return parse_head(loop, conn, data, len);
    rhb_conn_drop_input(conn);
    return read_head(loop, conn);
}

static enum rhb_event parse_proxy_header(struct rhb_loop *loop, struct rhb_conn *conn, char *data,
                                         size_t len)
{
    struct rhb_proxy_header header;
    switch (rhb_proxy_read(&header, loop->options.proxy_versions, data, len)) {
    case RHB_PROXY_INCOMPLETE:
        return await_head(loop, conn, data, len);
    case RHB_PROXY_BAD:
        return rhb_refuse(loop, conn, 400, NULL);
    case RHB_PROXY_OK:
        break;
    }
    if (header.names_client)
        conn->peer = header.client;
    conn->expected = RHB_EXPECT_HEAD;
    return start_first_head(loop, conn, data, header.len, len - header.len);
}

/* Reads until the head is whole or nothing is left: at most as many times as the limit of a head
 * has bytes. No edge will come for what each recv leaves in the socket: hence conn->more. */
static enum rhb_event read_rest(struct rhb_loop *loop, struct rhb_conn *conn)
{
    enum rhb_event event;
    loop->lane->reads_until_whole = true;
    do {
        conn->more = true;
        event = receive(loop, conn,
                        conn->expected == RHB_EXPECT_PROXY ? parse_proxy_header : parse_head);
    } while (event == RHB_EVENT_READ);
    loop->lane->reads_until_whole = false;
    return event;
}

/* ---- a request, from its first byte to its end ---- */

enum rhb_event rhb_intake(struct rhb_loop *loop, struct rhb_conn *conn)
{
    loop->lane->rest_len = 0;
    if (conn->expected == RHB_EXPECT_BODY)
        return rhb_body_receive(loop, conn);
    if (conn->expected == RHB_EXPECT_PROXY)
        return receive(loop, conn, parse_proxy_header);
    if (conn->in.len > conn->head_seen)
        return parse_head(loop, conn, conn->in.data, conn->in.len);
    return read_head(loop, conn);
}

bool rhb_intake_finish(struct rhb_loop *loop, struct rhb_conn *conn, bool keep)
{
    bool kept = true;
    if (loop->lane->current != conn)
        return true; /* it ended when its response was first suspended */
    loop->lane->current = NULL;
    rhb_conn_drop_request(conn, &loop->freed);
    if (keep && loop->lane->rest_len > 0)
        kept = rhb_bytes_append(&conn->in, loop->lane->rest, loop->lane->rest_len);
    loop->lane->rest_len = 0;
    if (loop->lane->held_input != NULL) {
        free(loop->lane->held_input);
        loop->lane->held_input = NULL;
    }
    return kept;
}
