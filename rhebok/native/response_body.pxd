from .csrc cimport rhb_body_framing, rhb_io
from .outgoing cimport Outgoing
from libc.stdint cimport uint64_t


cdef struct ResponseBody:
    rhb_body_framing framing
    uint64_t left   # bytes that the Content-Length still requires
    uint64_t size   # bytes of the application's so far, without the framing


cdef Py_ssize_t size_of(object blocks) except -1
cdef bint frame_all(ResponseBody *body, Outgoing outgoing, object blocks, Py_ssize_t total) except -1
cdef bint frame_block(ResponseBody *body, Outgoing outgoing, object block) except -1
cdef int frame_end(ResponseBody *body, Outgoing outgoing) except -1
cdef rhb_io send_file(ResponseBody *body, Outgoing outgoing, int fd) noexcept
