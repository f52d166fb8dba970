/* One client connection: its socket, what it is waiting for, and the bytes it holds meanwhile. An
 * idle one holds no buffer. Who may touch it: the thread that polls the loop, or the one that has
 * it BUSY. */
#ifndef RHB_CONNECTION_H
#define RHB_CONNECTION_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/peer.h"
#include "body.h"
#include "http/framing.h"
#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>

/* What a connection waits for. Those before RHB_CONN_READY have a deadline list of that index. */
enum rhb_conn_state {
    RHB_CONN_FRESH,  /* its first byte */
    RHB_CONN_HEAD,   /* the rest of a request head */
    RHB_CONN_BODY,   /* the rest of a request body */
    RHB_CONN_SEND,   /* room in the socket for a response that its owner holds */
    RHB_CONN_IDLE,   /* the next request */
    RHB_CONN_LINGER, /* the client to close, after an answer it may still be sending into */
    RHB_CONN_READY,  /* its turn: bytes are there, or may be */
    RHB_CONN_BUSY    /* nothing: it is being read, or the application has it */
};
enum { RHB_CONN_PARKED_STATES = RHB_CONN_READY };

/* What the next bytes of a connection are. */
enum rhb_expected {
    RHB_EXPECT_HEAD,
    RHB_EXPECT_BODY, /* conn->incoming tells */
    RHB_EXPECT_PROXY /* a PROXY header (proxy_protocol.h) */
};

/* A request whose head is complete (conn->in holds it) and whose body is still arriving. */
struct rhb_incoming {
    struct rhb_framing framing;
    struct phr_strict_chunked decoder;
    struct rhb_body body;
    uint64_t since; /* coarse monotonic ns: when the head was complete, or its turn came */
    bool has_turn;  /* to be received: see body_turns.h */
};

struct rhb_conn {
    struct rhb_link link; /* first: a link is cast to its connection */
    uint64_t deadline;    /* coarse monotonic ns, while parked */
    int fd;
    uint8_t state;     /* enum rhb_conn_state */
    uint8_t listener;  /* index */
    uint8_t expected;  /* enum rhb_expected */
    bool registered;   /* in epoll, edge-triggered */
    bool wants_write;  /* epoll watches EPOLLOUT too */
    bool more;         /* the socket may hold bytes for which no further edge will come */
    bool graced;       /* had its short wait for the first bytes */
    bool shared;       /* somebody else has a copy of fd, and ends it if he wants to (handover.h) */
    bool has_client;   /* proxies named one */
    uint32_t requests; /* answered or with the application */
    uint32_t unsent;   /* bytes that the socket held when the response last had to wait */
    struct rhb_peer peer;   /* or whom its PROXY header names */
    struct rhb_peer client; /* of the request at hand; for the access log */
    size_t head_seen;       /* bytes of `in` that a parse found incomplete */
    struct rhb_bytes
        in; /* parked input: a partial head, a head whose body is arriving, pipelined bytes */
    struct rhb_incoming *incoming;
    void *owner; /* of the response, while it waits (RHB_CONN_SEND) */
};

/* Frees the parked input. */
static inline void rhb_conn_drop_input(struct rhb_conn *conn)
{
    if (conn->in.data != NULL)
        rhb_bytes_free(&conn->in);
    conn->head_seen = 0;
}

/* Frees the request that was arriving, with its body. Harmless when there is none. */
void rhb_conn_drop_incoming(struct rhb_conn *conn);

#endif
