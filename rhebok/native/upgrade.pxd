from .exchange cimport BROKEN, Exchange, Progress


cdef class Offer:
    cdef Exchange exchange   # None once the socket is no longer offered
    cdef bytes early         # what the client sent after its request
    cdef int fd              # the connection's, while the application has a copy; otherwise -1
    cdef bint kept           # the application keeps its copy after the end of the request
    cdef set taken           # see run_offering

    cdef tuple take_over_from(self, Exchange exchange)
    cdef int must_be_free(self) except -1
    cdef Progress withdraw(self, Progress progress) except? BROKEN


cdef Progress run_offering(Exchange exchange, object application, dict environ, set taken) except? BROKEN
cdef int log_cut(set taken) except -1
