/* What proxies say of a request: X-Forwarded-For, -Proto, -Host and -Port, or Forwarded (RFC 7239).
 *
 * A list of these grows to the right: the last element is from our peer, the one before it from
 * whom the last one names, and so on. So lists are read from their end, for as long as the one who
 * wrote an element is known as a proxy; whatever stands before that is of no interest, and cannot
 * change what comes behind it. An element that is not understood ends the reading too. */
#ifndef RHB_FORWARDED_H
#define RHB_FORWARDED_H

#include "allowed_peers.h"
#include "picohttpparser/strict.h"

enum rhb_forwarded_field {
    RHB_X_FORWARDED_FOR = 1 << 0,
    RHB_X_FORWARDED_PROTO = 1 << 1,
    RHB_X_FORWARDED_HOST = 1 << 2,
    RHB_X_FORWARDED_PORT = 1 << 3,
    RHB_FORWARDED = 1 << 4
};
enum { RHB_X_FORWARDED = RHB_FORWARDED - 1 };

/* Who is believed, and which fields. anybody in allowed means any peer, not any address in a field:
 * only those that are named count as proxies there. */
struct rhb_forwarded_policy {
    struct rhb_allowed_peers allowed;
    unsigned fields; /* of enum rhb_forwarded_field */
};

enum rhb_scheme { RHB_SCHEME_UNSAID, RHB_SCHEME_HTTP, RHB_SCHEME_HTTPS };

/* What was said and understood. */
struct rhb_forwarded {
    bool has_client;
    struct rhb_peer client; /* port 0 when it was not said */
    enum rhb_scheme scheme;
    const char *host; /* a host in the sense of rhb_is_host, in a field's value; NULL: unsaid */
    size_t host_len;
    uint16_t port; /* that the client connected to; 0: unsaid */
};

/* Reads the fields of a request from this peer. All is unsaid when the peer is not allowed. When
 * there is any of the X-Forwarded ones, Forwarded is not looked at. */
void rhb_forwarded_read(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                        const struct rhb_peer *peer, const struct phr_header *fields, size_t count);

/* The port of the server that the client had in mind: as said, otherwise that of host (the one of
 * the request, when none was said), otherwise the scheme's own. 0 when nothing was said of it. */
uint16_t rhb_forwarded_server_port(const struct rhb_forwarded *said, const char *host,
                                   size_t host_len);

#endif
