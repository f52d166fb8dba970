# cython: binding=False
"""The head of a response: from the status and headers of start_response() to the bytes of RFC 9112.

The exchange writes the fields when the application calls start_response(), and ends the head when it knows what
there is to know about the body. csrc/http/response_head.c decides what may be sent and how the body is framed.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from .csrc cimport (
    RHB_HEAD_BAD_LENGTH,
    RHB_HEAD_BAD_NAME,
    RHB_HEAD_BAD_STATUS,
    RHB_HEAD_NO_MEMORY,
    RHB_HEAD_OK,
    rhb_clock_date,
    rhb_head_begin,
    rhb_head_end,
    rhb_head_field,
    rhb_head_result,
    rhb_loop,
    rhb_loop_ends,
)
from .outgoing cimport Outgoing
from .request_ids cimport echo_request_id


cdef int write_fields(ResponseHead *head, Outgoing outgoing, object status, list headers) except -1:
    """Writes status line and fields into outgoing.out, in place of what it holds. Raises TypeError or ValueError for
    a status or a header that must not be sent; the head is then not started."""
    cdef const char *status_text = NULL
    cdef size_t status_len = 0
    cdef rhb_head_result result
    cdef object field
    head.started = False
    outgoing.out.len = outgoing.out_at = 0
    latin1(status, "status", &status_text, &status_len)
    result = rhb_head_begin(&head.written, &outgoing.out, status_text, status_len)
    if result != RHB_HEAD_OK:
        refuse_head(result, None, status)
    for field in headers:
        write_field(head, field)
    head.started = True
    return 0


cdef inline int write_field(ResponseHead *head, object field) except -1:
    cdef const char *name_text = NULL
    cdef const char *value_text = NULL
    cdef size_t name_len = 0, value_len = 0
    cdef rhb_head_result result
    cdef object name, value
    if type(field) is not tuple or len(<tuple>field) != 2:
        refuse_field(field)
    name, value = <tuple>field
    latin1(name, "response header name", &name_text, &name_len)
    latin1(value, "response header value", &value_text, &value_len)
    result = rhb_head_field(&head.written, name_text, name_len, value_text, value_len)
    if result != RHB_HEAD_OK:
        refuse_head(result, name, value)
    return 0


cdef int complete_head(ResponseHead *head, rhb_loop *loop, int64_t body_length, PyObject *request_id) except -1:
    """Decides the framing and completes the head. body_length: bytes, -1 when it is not known. request_id: a str that
    the caller holds, None without --request-id. Raises AssertionError when start_response() was not called, ValueError
    when the Content-Length fits no body."""
    cdef rhb_head_result result
    if not head.started:
        raise AssertionError("the application did not call start_response() before its first block")
    if request_id is not <PyObject *>None:
        echo_request_id(&head.written, loop, <str>request_id)
    if rhb_loop_ends(loop):  # perhaps only since the application was called
        head.context.keep_alive = False
    head.context.body_length = body_length
    head.context.date = rhb_clock_date(&loop.clock)
    result = rhb_head_end(&head.written, &head.context, &head.outcome)
    if result != RHB_HEAD_OK:
        refuse_head(result, "Content-Length", None)
    head.ended = True
    return 0


cdef int refuse_field(object field) except -1:
    """Raises the TypeError for a header that is no tuple of two."""
    cdef str wanted = "a tuple of name and value, as ('Content-Type', 'text/plain')"
    raise TypeError(f"a response header must be {wanted}, not {type(field).__name__}: {field!r}")


cdef str right_status(object status):
    """The status that was meant by 204, HTTPStatus.NO_CONTENT or '204', for a message; otherwise an example."""
    from http import HTTPStatus  # late: an enum of 60 members for the message of a mistake

    try:
        code = HTTPStatus(int(status))
    except ValueError:
        return "as in '200 OK'"
    return f"write '{code.value} {code.phrase}' (PEP 3333)"


cdef int refuse_text(object text, str what) except -1:
    """Raises what latin1() does. what: of what it is the text, for the message."""
    cdef str hint = ""
    if not isinstance(text, str):
        if isinstance(text, int) and what == "status":
            hint = f"; {right_status(text)}"
        raise TypeError(f"{what} must be str, not {type(text).__name__}: {text!r}{hint}")
    raise ValueError(f"{what} has a character outside latin-1: {text!r}")


cdef int refuse_head(rhb_head_result result, object name, object value) except -1:
    """Raises the ValueError (or MemoryError) for a result of rhb_head_begin, rhb_head_field or rhb_head_end."""
    if result == RHB_HEAD_NO_MEMORY:
        raise MemoryError
    if result == RHB_HEAD_BAD_STATUS:
        wanted = "status must be three digits from 200, a space and a reason"
        raise ValueError(f"{wanted}, not {value!r}; {right_status(value)}")
    if result == RHB_HEAD_BAD_NAME:
        raise ValueError(f"response header name is not a token: {name!r}")
    if result == RHB_HEAD_BAD_LENGTH:
        raise ValueError(f"Content-Length is not one number of bytes: {value!r}")
    raise ValueError(f"value of response header {name!r} has a control character: {value!r}")
