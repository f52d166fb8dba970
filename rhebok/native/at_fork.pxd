from .csrc cimport rhb_loop


cdef class AtFork:
    cdef rhb_loop *loop
