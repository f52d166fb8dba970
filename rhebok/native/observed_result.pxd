from .exchange cimport Exchange


cdef class ObservedResult:
    cdef object result
    cdef object on_end
    cdef Exchange exchange   # from the moment that it is sent, until close()
