/* A list of peers that may do something: addresses, networks, unix sockets, or anybody. Its text
 * form is read in Python (rhebok/allowed_peers.py). */
#ifndef RHB_ALLOWED_PEERS_H
#define RHB_ALLOWED_PEERS_H

#include "base/peer.h"

/* The peers whose first `bits` bits are those of address. IPv4 is IPv4-mapped IPv6. */
struct rhb_network {
    uint8_t address[16];
    uint8_t bits; /* up to 128 */
};

struct rhb_allowed_peers {
    bool anybody;
    bool unix_sockets;
    const struct rhb_network *networks; /* not owned */
    size_t n_networks;
};

/* Whether the list names the peer: by its address, or as a unix socket of this machine. */
bool rhb_peer_is_named(const struct rhb_allowed_peers *list, const struct rhb_peer *peer);

/* Whether the peer may: when it is named, or anybody may. */
static inline bool rhb_peer_is_allowed(const struct rhb_allowed_peers *list,
                                       const struct rhb_peer *peer)
{
    return list->anybody || rhb_peer_is_named(list, peer);
}

#endif
