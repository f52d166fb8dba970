/* The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): what a load balancer puts in
 * front of a connection's first byte to say who its client is. Pure functions over the caller's
 * bytes. */
#ifndef RHB_PROXY_PROTOCOL_H
#define RHB_PROXY_PROTOCOL_H

#include "base/peer.h"

enum { RHB_PROXY_V1 = 1, RHB_PROXY_V2 = 2 };

enum {
    RHB_PROXY_V1_MAX = 107, /* bytes of a line, with its CRLF (section 2.1) */
    RHB_PROXY_V2_MAX = 4096 /* bytes of a header; the largest in use have a few hundred */
};

enum rhb_proxy_result { RHB_PROXY_OK, RHB_PROXY_INCOMPLETE, RHB_PROXY_BAD };

struct rhb_proxy_header {
    size_t len;        /* of the header: behind it is the first byte of the client */
    bool names_client; /* false: the connection is the sender's own, or of a kind without addresses
                        */
    struct rhb_peer client;
};

/* Reads a header at the start of len bytes; versions are or-ed. INCOMPLETE until it
 * is whole; OK and BAD stay what they are, whatever comes behind. header is set for OK only. */
enum rhb_proxy_result rhb_proxy_read(struct rhb_proxy_header *header, unsigned versions,
                                     const char *data, size_t len);

#endif
