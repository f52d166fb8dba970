from .csrc cimport rhb_body, rhb_body_memory

cdef rhb_body_memory bytes_memory

cdef bytes take_bytes(rhb_body *body)


cdef class EmptyBody:
    pass
