/* What proxies say about a request: X-Forwarded-For, -Proto, -Host, -Port, -Ssl and -Protocol, or
 * Forwarded (RFC 7239).
 *
 * Each proxy appends to these lists on the right. The last element was written by our peer, the one
 * before it by the node that the last one names, and so on. So a list is read from its end, as long
 * as the writer of an element is an allowed proxy. What stands before that has no effect. An
 * element that cannot be parsed ends the reading too.
 *
 * forwarded_list.c reads the lists, forwarded_element.c the elements of Forwarded, forwarded_node.c
 * addresses and ports. */
#ifndef RHB_FORWARDED_H
#define RHB_FORWARDED_H

#include "allowed_peers.h"
#include "picohttpparser/strict.h"

enum rhb_forwarded_field {
    RHB_X_FORWARDED_FOR = 1 << 0,
    RHB_X_FORWARDED_PROTO = 1 << 1,
    RHB_X_FORWARDED_HOST = 1 << 2,
    RHB_X_FORWARDED_PORT = 1 << 3,
    RHB_X_FORWARDED_SSL = 1 << 4,      /* on or off */
    RHB_X_FORWARDED_PROTOCOL = 1 << 5, /* ssl, or a scheme as in X-Forwarded-Proto */
    RHB_FORWARDED = 1 << 6
};
enum { RHB_X_FORWARDED = RHB_FORWARDED - 1 };

/* Which proxies are allowed, and which fields are read. allowed.anybody is about our peer only: an
 * address in a field counts as a proxy only if it is listed. */
struct rhb_forwarded_policy {
    struct rhb_allowed_peers allowed;
    unsigned fields; /* of enum rhb_forwarded_field, or-ed */
};

enum rhb_scheme { RHB_SCHEME_UNKNOWN, RHB_SCHEME_HTTP, RHB_SCHEME_HTTPS };

/* What the proxies have said, as far as it was valid. */
struct rhb_forwarded {
    bool has_client;
    struct rhb_peer client; /* port 0: unknown */
    enum rhb_scheme scheme;
    const char *host; /* valid for rhb_is_host; points into the value of a field. NULL: unknown */
    size_t host_len;
    uint16_t port; /* that the client connected to; 0: unknown */
};

/* Reads the fields of a request from this peer. All is unknown when the peer is not allowed. When
 * there is any of the X-Forwarded fields, Forwarded is ignored. When several of them are about the
 * scheme and do not all mean the same, the scheme is unknown. */
void rhb_forwarded_read(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                        const struct rhb_peer *peer, const struct phr_header *fields, size_t count);

/* The server port that the client connected to: the port that was said; otherwise the port in the
 * host that was said, or in `host`, the one of the request; otherwise the default of the scheme. 0
 * when the proxies have said neither port, host nor scheme. */
uint16_t rhb_forwarded_server_port(const struct rhb_forwarded *said, const char *host,
                                   size_t host_len);

#endif
