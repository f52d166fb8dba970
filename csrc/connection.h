/* One client connection: its socket, what it is waiting for, and the bytes it holds meanwhile. An
 * idle one holds no buffer. Who may touch it: the thread that polls the loop, or the one that has
 * it BUSY. */
#ifndef RHB_CONNECTION_H
#define RHB_CONNECTION_H

#include "body.h"
#include "bytes.h"
#include "http_framing.h"
#include "list.h"
#include "picohttpparser/strict.h"
#include <netinet/in.h>
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

/* Where the client is; family 0 for unix sockets. */
struct rhb_peer {
    uint8_t family;
    uint16_t port;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
};

/* A request whose head is complete (conn->in holds it) and whose body is still arriving. */
struct rhb_incoming {
    struct rhb_framing framing;
    struct phr_strict_chunked decoder;
    struct rhb_body body;
    uint64_t since; /* coarse monotonic ns: when the head was complete */
};

struct rhb_conn {
    struct rhb_link link; /* first: a link is cast to its connection */
    uint64_t deadline;    /* coarse monotonic ns, while parked */
    int fd;
    uint8_t state;     /* enum rhb_conn_state */
    uint8_t listener;  /* index */
    bool registered;   /* in epoll, edge-triggered */
    bool wants_write;  /* epoll watches EPOLLOUT too */
    bool more;         /* the socket may hold bytes for which no further edge will come */
    bool graced;       /* had its short wait for the first bytes */
    uint32_t requests; /* answered or with the application */
    uint32_t unsent;   /* bytes that the socket held when the response last had to wait */
    struct rhb_peer peer;
    size_t head_seen; /* bytes of `in` that a parse found incomplete */
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

enum { RHB_PEER_TEXT = INET6_ADDRSTRLEN };

/* Whether both are the same host; the port does not count. */
static inline bool rhb_peer_same_address(const struct rhb_peer *one, const struct rhb_peer *other)
{
    size_t size = one->family == AF_INET ? sizeof one->address.v4 : sizeof one->address;
    return one->family == other->family && memcmp(&one->address, &other->address, size) == 0;
}

/* Writes the peer's address as text into out (at least RHB_PEER_TEXT); returns its length, 0 for a
 * unix socket. IPv4-mapped IPv6 addresses come out as IPv4. */
size_t rhb_peer_text(const struct rhb_peer *peer, char *out);

#endif
