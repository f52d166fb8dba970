from .csrc cimport rhb_body_framing, rhb_io
from .outgoing cimport Outgoing
from cpython.bytes cimport PyBytes_GET_SIZE
from libc.stdint cimport uint64_t


cdef struct ResponseBody:
    rhb_body_framing framing
    uint64_t left   # bytes that the Content-Length still requires
    uint64_t size   # bytes of the application's so far, without the framing


cdef inline Py_ssize_t size_of_block(object block) except -1:
    """The bytes of a block. Raises TypeError when it is not bytes."""
    if type(block) is not bytes and not isinstance(block, bytes):
        raise TypeError(f"the application's response holds {type(block).__name__}, not bytes")
    return PyBytes_GET_SIZE(block)


cdef Py_ssize_t size_of(tuple blocks) except -1
cdef bint frame_all(ResponseBody *body, Outgoing outgoing, tuple blocks, Py_ssize_t total) except -1
cdef bint frame_only(ResponseBody *body, Outgoing outgoing, object block) except -1
cdef bint frame_block(ResponseBody *body, Outgoing outgoing, object block) except -1
cdef int frame_end(ResponseBody *body, Outgoing outgoing) except -1
cdef rhb_io send_file(ResponseBody *body, Outgoing outgoing, int fd) noexcept
