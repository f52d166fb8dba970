/* The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): a header that a load
 * balancer sends before the first byte of a connection, with the address of the client. The
 * function is pure: nothing is kept or allocated. */
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
    size_t len;        /* of the header; the first byte of the client follows it */
    bool names_client; /* false: the load balancer's own connection, or a kind without addresses */
    struct rhb_peer client;
};

/* Parses a header at the start of len bytes. versions: RHB_PROXY_V1 and _V2, or-ed. INCOMPLETE:
 * more bytes are needed. OK and BAD do not change when more bytes follow. header is set only for
 * OK. */
enum rhb_proxy_result rhb_proxy_read(struct rhb_proxy_header *header, unsigned versions,
                                     const char *data, size_t len);

#endif
