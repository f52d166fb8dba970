from .csrc cimport rhb_allowed_peers, rhb_network


cdef class AllowedPeers:
    cdef rhb_allowed_peers list  # points to the networks below
    cdef rhb_network *networks
