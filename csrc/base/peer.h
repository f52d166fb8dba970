/* The other end of a connection: address and port. */
#ifndef RHB_PEER_H
#define RHB_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* family 0: a unix socket of this machine. AF_UNIX: a unix socket that a PROXY header names, which
 * is on the machine of its sender. */
struct rhb_peer {
    uint8_t family;
    uint16_t port;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
};

enum { RHB_PEER_TEXT = INET6_ADDRSTRLEN /* bytes that the text of an address needs, with NUL */ };

/* Whether both have the same address; ports are not compared. */
static inline bool rhb_peer_same_address(const struct rhb_peer *one, const struct rhb_peer *other)
{
    size_t size = one->family == AF_INET ? sizeof one->address.v4 : sizeof one->address;
    return one->family == other->family && memcmp(&one->address, &other->address, size) == 0;
}

/* Writes the address as text into out, which has RHB_PEER_TEXT bytes. Returns its length, 0 for a
 * unix socket. An IPv4-mapped IPv6 address is written as IPv4. */
size_t rhb_peer_text(const struct rhb_peer *peer, char *out);

/* Parses an address without a port: IPv4, or IPv6 without brackets and zone. Sets all of *peer, the
 * port to 0. False for any other text; *peer is unchanged then. */
bool rhb_peer_read(struct rhb_peer *peer, const char *text, size_t len);

#endif
