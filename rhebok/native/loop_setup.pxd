from .allowed_peers cimport AllowedPeers
from .csrc cimport rhb_listener, rhb_loop, rhb_loop_options
from .request_ids cimport RequestIds


cdef class LoopSetup:
    cdef rhb_loop_options options
    cdef bytes server_header                     # options points into these
    cdef AllowedPeers forwarded_allowed
    cdef AllowedPeers proxy_allowed
    cdef rhb_listener *listeners                 # fd and is_unix of each
    cdef size_t n_listeners
    cdef RequestIds request_ids                  # None without --request-id

    cdef int set_limits(self, object settings) except -1
    cdef int set_timeouts(self, object settings) except -1
    cdef int set_peers(self, object settings) except -1
    cdef int set_listeners(self, object listeners) except -1
    cdef rhb_loop *new_loop(self, int wakeup_fd) except NULL
