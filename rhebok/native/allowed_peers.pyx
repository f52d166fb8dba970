# cython: binding=False
"""Lists of peers as csrc wants them. The worker makes them of its settings.

Lifetime: a rhb_allowed_peers copied from `list` points into the AllowedPeers, which is to be kept beside it.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from rhebok.listening.allowed_peers import parse_peers


cdef class AllowedPeers:
    """AllowedPeers(items): see rhebok.listening.allowed_peers for what an item is. ValueError when one is none."""

    def __cinit__(self, items):
        peers = parse_peers(items)
        self.networks = <rhb_network *>calloc(max(1, len(peers.networks)), sizeof(rhb_network))
        if self.networks is NULL:
            raise MemoryError
        for index, network in enumerate(peers.networks):
            memcpy(self.networks[index].address, <const char *><bytes>network.address, 16)
            self.networks[index].bits = network.bits
        self.list.anybody = peers.anybody
        self.list.unix_sockets = peers.unix
        self.list.networks = self.networks
        self.list.n_networks = len(peers.networks)

    def __dealloc__(self):
        free(self.networks)
