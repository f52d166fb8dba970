from .exchange cimport BROKEN, Exchange, Progress


cdef class Offer:
    cdef Exchange exchange   # None once the socket can be taken no more
    cdef bytes early         # what the client sent behind its request
    cdef int fd              # of the connection, while the application has a copy; otherwise -1
    cdef bint kept           # the application keeps its copy for longer than the request

    cdef Progress withdraw(self, Progress progress) except? BROKEN


cdef Progress run_offering(Exchange exchange, object application, dict environ) except? BROKEN
