#include "allowed_peers.h"

/* Writes the address as IPv6; false for a peer without an IP address. */
static bool as_ipv6(const struct rhb_peer *peer, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    switch (peer->family) {
    case AF_INET:
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + sizeof mapped, &peer->address.v4, 4);
        return true;
    case AF_INET6:
        memcpy(out, &peer->address.v6, 16);
        return true;
    default:
        return false;
    }
}

static bool contains(const struct rhb_network *network, const uint8_t address[16])
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0)
        return false;
    return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool rhb_peer_is_named(const struct rhb_allowed_peers *list, const struct rhb_peer *peer)
{
    uint8_t address[16];
    if (peer->family == 0)
        return list->unix_sockets;
    if (!as_ipv6(peer, address))
        return false;
    for (size_t i = 0; i < list->n_networks; i++)
        if (contains(&list->networks[i], address))
            return true;
    return false;
}
