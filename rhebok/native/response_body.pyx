# cython: binding=False
"""The body of a response, framed as its head says (RFC 9112 section 6): by Content-Length, in chunks, by the end of
the connection, or not sent at all.

Nothing here waits or iterates: the exchange fetches the application's blocks and puts them in.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdio cimport snprintf

from .csrc cimport (
    RHB_FRAME_CHUNKED,
    RHB_FRAME_LENGTH,
    RHB_FRAME_NONE,
    RHB_IO_EOF,
    RHB_IO_OK,
    rhb_bytes_append,
    rhb_bytes_put,
    rhb_bytes_reserve,
    rhb_io,
)
from .outgoing cimport Outgoing

cdef enum:
    COPY_LIMIT = 8192         # bytes of body that are cheaper copied behind the head than sent from where they are

cdef const char *CRLF = b"\r\n"
cdef const char *LAST_CHUNK = b"0\r\n\r\n"


cdef Py_ssize_t size_of(tuple blocks) except -1:
    """The bytes of all blocks. Raises TypeError when one is not bytes."""
    cdef Py_ssize_t total = 0
    cdef object block
    for block in blocks:
        total += size_of_block(block)
    return total


cdef bint frame_all(ResponseBody *body, Outgoing outgoing, tuple blocks, Py_ssize_t total) except -1:
    """Puts the whole body, blocks of `total` bytes, behind its head, so that both go out in one system call. False, and
    nothing is put, when the Content-Length is another: the blocks are then framed one by one."""
    if body.framing == RHB_FRAME_NONE:
        return True
    if not takes_all(body, total):
        return False
    if total > COPY_LIMIT:
        outgoing.put_pieces(list(blocks), <uint64_t>total)
        return True
    if not rhb_bytes_reserve(&outgoing.out, <size_t>total):
        raise MemoryError
    for block in blocks:
        rhb_bytes_put(&outgoing.out, PyBytes_AS_STRING(block), <size_t>PyBytes_GET_SIZE(block))
    return True


cdef bint frame_only(ResponseBody *body, Outgoing outgoing, object block) except -1:
    """frame_all() for one block."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(block)
    if body.framing == RHB_FRAME_NONE:
        return True
    if not takes_all(body, size):
        return False
    if size > COPY_LIMIT:
        outgoing.put_pieces([block], <uint64_t>size)
    elif not rhb_bytes_append(&outgoing.out, PyBytes_AS_STRING(block), <size_t>size):
        raise MemoryError
    return True


cdef inline bint takes_all(ResponseBody *body, Py_ssize_t total) noexcept:
    """Whether the whole body has this many bytes, which are then counted."""
    if body.framing == RHB_FRAME_LENGTH and <size_t>total != body.left:
        return False
    body.left = 0
    body.size = <uint64_t>total
    return True


cdef bint frame_block(ResponseBody *body, Outgoing outgoing, object block) except -1:
    """Puts one block (bytes, not empty) behind what is there; that must have been sent, or be small. True when the
    block was cut, because it is longer than what is left of the Content-Length."""
    cdef bint cut = False
    if body.framing == RHB_FRAME_NONE:
        return False
    if body.framing == RHB_FRAME_LENGTH:
        cut = <uint64_t>PyBytes_GET_SIZE(block) > body.left
        if cut:
            block = PyBytes_AS_STRING(block)[:body.left]  # a subclass may slice in its own way
        body.left -= <uint64_t>PyBytes_GET_SIZE(block)
    body.size += <uint64_t>PyBytes_GET_SIZE(block)
    put_framed(outgoing, block, body.framing == RHB_FRAME_CHUNKED)
    return cut


cdef int put_framed(Outgoing outgoing, object block, bint chunked) except -1:
    """Puts a block, as a chunk (RFC 9112 section 7.1) or bare. A large one is not copied."""
    cdef size_t size = <size_t>PyBytes_GET_SIZE(block)
    cdef bint copied = size <= COPY_LIMIT
    cdef char size_line[24]
    cdef size_t size_line_len = <size_t>snprintf(size_line, sizeof(size_line), "%zx\r\n", size) if chunked else 0
    if not rhb_bytes_reserve(&outgoing.out, size_line_len + (size + 2 if copied else 0)):
        raise MemoryError
    rhb_bytes_put(&outgoing.out, size_line, size_line_len)
    if not copied:
        outgoing.put_pieces([block], size)
        outgoing.tail = CRLF
        outgoing.tail_len = 2 if chunked else 0
        return 0
    rhb_bytes_put(&outgoing.out, PyBytes_AS_STRING(block), size)
    if chunked:
        rhb_bytes_put(&outgoing.out, CRLF, 2)
    return 0


cdef int frame_end(ResponseBody *body, Outgoing outgoing) except -1:
    """There is no other block: the last chunk, where the body is chunked. A block that another thread puts after it is
    not sent."""
    if body.framing == RHB_FRAME_CHUNKED:
        if not rhb_bytes_append(&outgoing.out, LAST_CHUNK, 5):
            raise MemoryError
        body.framing = RHB_FRAME_NONE
    return 0


cdef rhb_io send_file(ResponseBody *body, Outgoing outgoing, int fd) noexcept:
    """Sends the file, as far as the socket takes it. OK: all of it is sent, or the file has become shorter, which
    `left` shows. ERROR: errno is that of sendfile(2)."""
    cdef uint64_t moved
    cdef rhb_io io = outgoing.send_file(fd, &moved)
    body.left -= moved
    body.size += moved
    if io == RHB_IO_EOF:
        outgoing.file_left = 0
        return RHB_IO_OK
    return io
