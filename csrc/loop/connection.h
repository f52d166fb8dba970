/* One client connection: its socket, its state, and the bytes that it has received. An idle
 * connection has no buffer. Only the thread that is in the loop may use a connection; but one that
 * is BUSY belongs to the thread that serves it. */
#ifndef RHB_CONNECTION_H
#define RHB_CONNECTION_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/peer.h"
#include "body.h"
#include "cache/fills.h"
#include "http/framing.h"
#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>

/* What a connection waits for. The states before RHB_CONN_READY are parked: each has a list of
 * connections, by deadline, at this index. */
enum rhb_conn_state {
    RHB_CONN_FRESH,  /* its first byte */
    RHB_CONN_HEAD,   /* the rest of a request head */
    RHB_CONN_BODY,   /* the rest of a request body */
    RHB_CONN_SEND,   /* the socket to take more of a suspended response */
    RHB_CONN_IDLE,   /* the next request */
    RHB_CONN_LINGER, /* the client to end its side, in a lingering close */
    RHB_CONN_WAIT,   /* the answer to the same request of another client (caching.h) */
    RHB_CONN_READY,  /* its turn in the ready list, or to receive a large body */
    RHB_CONN_BUSY    /* nothing: it is read now, or its request is served */
};
enum { RHB_CONN_PARKED_STATES = RHB_CONN_READY, RHB_CONN_STATES = RHB_CONN_BUSY + 1 };

/* What the next bytes of a connection are. */
enum rhb_expected {
    RHB_EXPECT_HEAD,
    RHB_EXPECT_BODY, /* of conn->incoming */
    RHB_EXPECT_PROXY /* a PROXY header (proxy_protocol.h) */
};

/* A request whose head is complete (conn->in holds it) and whose body is still arriving. */
struct rhb_incoming {
    struct rhb_framing framing;
    struct phr_strict_chunked decoder;
    struct rhb_body body;
    uint64_t since; /* coarse monotonic ns: when the head was complete, or the body got its turn */
    bool has_turn;  /* it may be received now (body_turns.h) */
};

struct rhb_sending;
struct rhb_filling;

struct rhb_conn {
    struct rhb_link link; /* first: a link is cast to its connection */
    uint64_t deadline;    /* coarse monotonic ns, while parked */
    uint64_t ready_since; /* exact monotonic ns, while in the ready list */
    int fd;
    uint8_t state;     /* enum rhb_conn_state */
    uint8_t listener;  /* index */
    uint8_t expected;  /* enum rhb_expected */
    bool registered;   /* in epoll, edge-triggered */
    bool wants_write;  /* epoll watches EPOLLOUT too */
    bool more;         /* the socket may hold bytes for which epoll will report no further edge */
    bool graced;       /* it has had its grace wait (waiting.c) */
    bool shared;       /* the application has a copy of fd, and may use it (handover.h) */
    bool has_client;   /* proxies have named the client */
    bool seen;         /* in the ready list: the mover has seen it there (mover.c) */
    bool waits;        /* its request is to wait for `awaited` (caching.h) */
    bool asks;         /* its request waits no more: it goes to the application */
    bool cares;        /* the cache is to see the head of the response: it fills, or is unsafe */
    bool background;   /* it has no client, and fd is no socket: a stored response is renewed */
    uint32_t requests; /* that have been served or are being served */
    uint32_t waited;   /* microseconds that a request has waited for another one (caching.h), */
    uint32_t waited_request; /* which was this one of them */
    uint32_t unsent;         /* bytes that the socket held when the response was last suspended */
    struct rhb_peer peer;    /* the other end, or what its PROXY header names */
    struct rhb_peer client;  /* of the current request, if has_client; for the access log */
    size_t head_seen;        /* bytes of `in` that have been parsed as incomplete */
    struct rhb_bytes
        in; /* parked input: a part of a head, a head whose body is arriving, pipelined bytes */
    struct rhb_incoming *incoming;
    void *owner;                 /* of the suspended response (RHB_CONN_SEND) */
    struct rhb_filling *filling; /* what the cache does with the response (caching.h) */
    struct rhb_fill awaited;     /* while it waits */
    uint64_t waits_until;        /* coarse monotonic ns; 0: it has not waited yet */
    struct rhb_sending *sending; /* the suspended response, if it is one of C (answers.h) */
};

/* For the access log. */
static inline uint64_t rhb_conn_waited_ns(const struct rhb_conn *conn)
{
    return conn->waited_request == conn->requests ? (uint64_t)conn->waited * 1000 : 0;
}

/* Frees the parked input. */
static inline void rhb_conn_drop_input(struct rhb_conn *conn)
{
    if (conn->in.data != NULL)
        rhb_bytes_free(&conn->in);
    conn->head_seen = 0;
}

/* Frees the request whose body is arriving, if there is one. */
void rhb_conn_drop_incoming(struct rhb_conn *conn);

/* Both. Adds to *freed how many bytes it frees, about. */
static inline void rhb_conn_drop_request(struct rhb_conn *conn, uint64_t *freed)
{
    if (conn->in.data != NULL)
        *freed += conn->in.cap;
    rhb_conn_drop_input(conn);
    if (conn->incoming == NULL)
        return;
    *freed += conn->incoming->body.len;
    rhb_conn_drop_incoming(conn);
}

#endif
