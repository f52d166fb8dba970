# cython: binding=False
"""Lists of allowed peers in the form of csrc. loop_setup.pyx makes them from the settings.

Lifetime: a rhb_allowed_peers copied from `list` points into the AllowedPeers, which must be kept as long.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from rhebok.listening.allowed_peers import parse_peers


cdef class AllowedPeers:
    """AllowedPeers(items): items as of rhebok.listening.allowed_peers. Raises ValueError for any other."""

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
