/* Who is at the other end of a connection, by address and port. */
#ifndef RHB_PEER_H
#define RHB_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* family 0: a unix socket. AF_UNIX: one that a PROXY header tells of, somewhere else. */
struct rhb_peer {
    uint8_t family;
    uint16_t port;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
};

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

/* Reads an address without its port: IPv4, or IPv6 without brackets and zone. False when it is
 * neither; *peer is left alone then. The port becomes 0. */
bool rhb_peer_read(struct rhb_peer *peer, const char *text, size_t len);

#endif
