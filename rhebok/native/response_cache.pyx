# cython: binding=False
"""Between an exchange and the cache (csrc/loop/caching.h): the response that the application gives is gathered, or a
stored one takes its place. Called only where there is a cache, and only for responses that it cares about.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint64_t

from .csrc cimport (
    RHB_FILLED_GATHERS,
    RHB_FILLED_NOT,
    RHB_FILLED_REPLACED,
    RHB_FRAME_LENGTH,
    RHB_FRAME_NONE,
    rhb_bytes_append,
    rhb_caching_body,
    rhb_caching_cares,
    rhb_caching_complete,
    rhb_caching_give_up,
    rhb_caching_head,
    rhb_conn,
    rhb_filling_field,
    rhb_lane,
    rhb_loop,
    rhb_response_head,
    rhb_text,
)
from .outgoing cimport Outgoing
from .response_body cimport ResponseBody
from .response_head cimport ResponseHead
from .text cimport latin1


cdef int ask_cache(rhb_loop *loop, rhb_lane *lane, rhb_conn *conn, ResponseHead *head, int64_t body_length) noexcept:
    """Before the head is completed: what the cache does with the response (rhb_filled). body_length: of the body
    put next as a whole, otherwise -1."""
    if head.started and rhb_caching_cares(conn, &head.written):
        return rhb_caching_head(loop, lane, conn, &head.written, body_length)
    return RHB_FILLED_NOT


cdef bint begin_filling(rhb_loop *loop, rhb_conn *conn, int filled, bint is_file, ResponseHead *head,
                        ResponseBody *body, Outgoing outgoing) except -1:
    """The head is complete. Whether the body is to be gathered. filled: what rhb_caching_head has returned. In place of
    the application's body, which is left out, the stored one is put behind the head. is_file: the body is a file that
    the application has named, which is not kept."""
    if is_file and filled == RHB_FILLED_GATHERS:
        rhb_caching_give_up(loop, conn)
        return False
    if filled == RHB_FILLED_REPLACED:
        outgoing.drop_body()
        if head.outcome.framing == RHB_FRAME_LENGTH:
            if not rhb_bytes_append(&outgoing.out, conn.filling.stale_body.data, conn.filling.stale_body.len):
                raise MemoryError
            body.size = conn.filling.stale_body.len
        body.framing = RHB_FRAME_NONE
        body.left = 0
        return False
    if filled == RHB_FILLED_GATHERS and body.framing == RHB_FRAME_NONE:
        rhb_caching_complete(loop, conn, -1)
        return False
    return filled == RHB_FILLED_GATHERS


cdef int64_t length_if_whole(const rhb_response_head *written, object block) noexcept:
    """The length of a block of bytes that is the whole body, as its Content-Length says; otherwise -1. Flask and Django
    give such blocks, and no lists."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(block)
    return size if written.has_length and written.content_length == <uint64_t>size else -1


cdef bint gather(rhb_loop *loop, rhb_conn *conn, object block, ResponseHead *head) except -1:
    """A block of the body. Whether there is to be another one: what has its Content-Length is kept at once, and does
    not wait for a client that reads slowly."""
    if not rhb_caching_body(loop, conn, PyBytes_AS_STRING(block), <size_t>PyBytes_GET_SIZE(block)):
        return False
    if head.outcome.framing != RHB_FRAME_LENGTH or conn.filling.body.len != head.outcome.content_length:
        return True
    end_gathering(loop, conn, head)
    return False


cdef int gather_all(rhb_loop *loop, rhb_conn *conn, tuple blocks, ResponseHead *head) except -1:
    """All of the body."""
    for block in blocks:
        if not gather(loop, conn, block, head):
            return 0
    return end_gathering(loop, conn, head)


cdef int end_gathering(rhb_loop *loop, rhb_conn *conn, ResponseHead *head) except -1:
    """The body is complete."""
    cdef int64_t length = <int64_t>head.outcome.content_length if head.outcome.framing == RHB_FRAME_LENGTH else -1
    rhb_caching_complete(loop, conn, length)
    return 0


cdef int put_validators(dict environ, const rhb_conn *conn) except -1:
    """The application is asked whether a stored response is still right (RFC 9111 section 4.3.1)."""
    cdef rhb_text value = rhb_filling_field(conn.filling, b"etag")
    if value.len > 0:
        environ["HTTP_IF_NONE_MATCH"] = latin1(value.at, value.len)
    value = rhb_filling_field(conn.filling, b"last-modified")
    if value.len > 0:
        environ["HTTP_IF_MODIFIED_SINCE"] = latin1(value.at, value.len)
    return 0
