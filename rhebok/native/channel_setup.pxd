from .csrc cimport rhb_channel, rhb_loop


cdef class ChannelSetup:
    cdef rhb_channel channel
    cdef int *wake
    cdef object memory    # keeps what channel points into

    cdef int join(self, rhb_loop *loop) except -1
