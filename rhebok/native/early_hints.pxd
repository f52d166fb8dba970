from .exchange cimport Exchange
from cpython.ref cimport PyObject

cdef extern from "references.h":
    Py_ssize_t rhb_references(PyObject *o)


cdef class EarlyHints:
    cdef Exchange exchange      # of its request; None when it does nothing any more
    cdef Py_ssize_t held        # references that the server has

    cdef bint is_for(self, Exchange exchange) noexcept


cdef Exchange new_exchange(object logger, bint allow_chunked, object named_files)
cdef int retire_exchange(Exchange exchange) except -1
cdef int replace_hints(Exchange exchange) except -1


cdef inline PyObject *hints_for(Exchange exchange) except NULL:
    """The EarlyHints for the environ of the next request: that of the last request, or a new one when the application
    still has that. A borrowed reference, owned by the exchange."""
    if rhb_references(<PyObject *>exchange.hints) != (<EarlyHints>exchange.hints).held:
        replace_hints(exchange)
    return <PyObject *>exchange.hints
