from .csrc cimport (
    rhb_head_context,
    rhb_head_outcome,
    rhb_head_result,
    rhb_loop,
    rhb_response_head,
)
from .outgoing cimport Outgoing
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

cdef extern from "text.h":
    bint rhb_latin1(object text, const char **data, size_t *size)


cdef struct ResponseHead:
    rhb_response_head written   # status line and fields
    rhb_head_context context    # of the request and the server; what decides the framing
    rhb_head_outcome outcome    # the framing; valid when ended
    bint started                # start_response() has been called
    bint ended                  # complete: nothing of it can change any more


cdef int write_fields(ResponseHead *head, Outgoing outgoing, object status, list headers) except -1
cdef int complete_head(ResponseHead *head, rhb_loop *loop, int64_t body_length, PyObject *request_id) except -1
cdef int refuse_text(object text, str what) except -1
cdef int refuse_head(rhb_head_result result, object name, object value) except -1


cdef inline int latin1(object text, str what, const char **data, size_t *size) except -1:
    """The bytes of a str, valid while text lives. Raises TypeError for what is no str, ValueError for a character
    outside latin-1 (PEP 3333, "Unicode Issues")."""
    if not rhb_latin1(text, data, size):
        refuse_text(text, what)
    return 0
