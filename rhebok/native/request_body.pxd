cdef class EmptyBody:
    pass
