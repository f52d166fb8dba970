/* A list of peers that are allowed to do something: addresses, networks, unix sockets, or any peer.
 * Its text form is parsed in Python (rhebok/listening/allowed_peers.py). */
#ifndef RHB_ALLOWED_PEERS_H
#define RHB_ALLOWED_PEERS_H

#include "base/peer.h"

/* All addresses that begin with the first `bits` bits of this one. IPv4 is stored as IPv4-mapped
 * IPv6.
 */
struct rhb_network {
    uint8_t address[16];
    uint8_t bits; /* up to 128 */
};

struct rhb_allowed_peers {
    bool anybody; /* every peer is allowed */
    bool unix_sockets;
    const struct rhb_network *networks; /* not owned */
    size_t n_networks;
};

/* Whether the peer is listed: by its address, or as a unix socket of this machine. */
bool rhb_peer_is_named(const struct rhb_allowed_peers *list, const struct rhb_peer *peer);

/* Whether the peer is allowed: it is listed, or every peer is allowed. */
static inline bool rhb_peer_is_allowed(const struct rhb_allowed_peers *list,
                                       const struct rhb_peer *peer)
{
    return list->anybody || rhb_peer_is_named(list, peer);
}

#endif
