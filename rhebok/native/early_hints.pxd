from .exchange cimport Exchange
from .csrc cimport rhb_bytes
from cpython.ref cimport PyObject

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)


cdef class EarlyHints:
    cdef Exchange exchange      # whose request it is for; None once that is over
    cdef Py_ssize_t held        # references that the server itself has

    cdef int send(self, rhb_bytes *hints) except -1


cdef Exchange new_exchange(object logger, bint allow_chunked)
cdef int retire_exchange(Exchange exchange) except -1
cdef int renew(Exchange exchange) except -1


cdef inline PyObject *hints_for(Exchange exchange) except NULL:
    """What stands in the environ of the request that the exchange is about to answer: the object of the last
    one, unless somebody out there still has it. Borrowed from the exchange."""
    if Py_REFCNT(<PyObject *>exchange.hints) != (<EarlyHints>exchange.hints).held:
        renew(exchange)
    return <PyObject *>exchange.hints
