from .csrc cimport rhb_caching_options, rhb_loop


cdef class CacheSetup:
    cdef rhb_caching_options options
    cdef int *wake
    cdef object memory    # keeps what options points into

    cdef int join(self, rhb_loop *loop) except -1
