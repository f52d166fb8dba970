# cython: binding=False
"""wsgi.input: the body of a request, as a readable, seekable binary file.

A body that arrives in pieces is received into bytes objects. The application sees them only when the body is complete,
and gets them uncopied. Their size depends on how the application began to read the last such body: all at once, and
the next body is received into one object; in blocks, and the next is received into blocks of that size. A wrong
guess costs one copy of the body.

A read restarts the time of --request-timeout. A body that came with its head, or is small, has been read at once and is
a plain BytesIO, which tells nothing.
"""

import io
import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_DECREF, PyObject

from .csrc cimport rhb_body, rhb_request
from .exchange cimport Exchange

from rhebok.native.body_file import BodyFile

cdef extern from "Python.h":
    PyObject *PyBytes_FromStringAndSize(const char *text, Py_ssize_t size) noexcept
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1


# The loop runs without the GIL while it waits.
cdef void *make_bytes(size_t size, char **data) noexcept with gil:
    cdef PyObject *block = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
    if block is NULL:
        PyErr_Clear()
    else:
        data[0] = PyBytes_AS_STRING(<object>block)
    return block


cdef void release_bytes(void *block) noexcept with gil:
    Py_DECREF(<object>block)


bytes_memory.make = make_bytes
bytes_memory.release = release_bytes


cdef enum:
    # bytes; a read of such a size is worth blocks of that size
    SMALLEST_BLOCK = 16384
    LARGEST_BLOCK = 65536


cdef object input_of(rhb_request *request, Exchange exchange):
    """wsgi.input of a request; None when it has no body (the environ's template then has an EmptyBody).

    Raises OSError when the file that holds the body cannot be opened as a Python object.
    """
    if request.body_len == 0:
        return None
    if request.inline_body is not NULL:
        return io.BytesIO(request.inline_body[:request.body_len])
    cdef RequestClock clock = clock_of(exchange)
    return input_of_blocks(request.body, clock) if request.body.fd < 0 else input_of_file(request.body, clock)


cdef RequestClock clock_of(Exchange exchange):
    """None when requests have no limit."""
    if exchange.loop.request_timeout == 0:
        return None
    cdef RequestClock clock = RequestClock.__new__(RequestClock)
    clock.exchange = exchange
    clock.held = exchange.write_method
    return clock


cdef class RequestClock:
    """The time of a request, for its body, which the application may keep for longer."""

    def restart(self):
        """restart() -> None: the application has made progress."""
        with cython.critical_section(self.exchange):
            self.exchange.score_progress()


cdef object input_of_file(rhb_body *body, RequestClock clock):
    """The file object owns the descriptor then."""
    os.lseek(body.fd, 0, os.SEEK_SET)
    file = io.FileIO(body.fd) if clock is None else BodyFile(body.fd, clock.restart)
    body.fd = -1  # only now: if FileIO fails, the body still closes it
    return io.BufferedReader(file)


cdef object input_of_blocks(rhb_body *body, RequestClock clock):
    """A body in bytes_memory. Its blocks then belong to Python alone."""
    cdef list blocks = PyList_New(<Py_ssize_t>body.n_full)
    cdef size_t i
    last = last_block(body)
    for i in range(body.n_full):
        PyList_SET_ITEM(blocks, i, <object>body.full[i])  # with the reference that the body had
    body.n_full = 0
    blocks.append(last)
    if body.len <= SMALLEST_BLOCK:
        return io.BytesIO(last)
    cdef ArrivedBody arrived = ArrivedBody.__new__(ArrivedBody)
    arrived.blocks = blocks
    arrived.size = <Py_ssize_t>body.len
    arrived.clock = clock
    return arrived


cdef bytes last_block(rhb_body *body):
    """The bytes behind the full blocks, which no longer belong to the body."""
    cdef PyObject *block = <PyObject *>body.block
    body.block = body.data = NULL
    _PyBytes_Resize(&block, <Py_ssize_t>(body.len - body.n_full * body.block_size))
    resized = <bytes>block
    Py_DECREF(resized)
    return resized


cdef object joined(list blocks, Py_ssize_t position):
    """A BytesIO of all blocks, at this position."""
    file = io.BytesIO(blocks[0] if len(blocks) == 1 else b"".join(blocks))
    file.seek(position)
    return file


cdef class ArrivedBody:
    """wsgi.input of a body that arrived in pieces. read() returns its blocks as long as the application asks for just
    these; at the first other call it becomes a BytesIO of the whole body."""

    cdef int learn_block_size(self, Py_ssize_t size) except -1:
        """The application begins by reading so many bytes (-1: all, or in another way). A size beyond the end of the
        body teaches nothing: readers of both kinds ask for that."""
        if size <= self.size:
            bytes_memory.block_size = size if SMALLEST_BLOCK <= size <= LARGEST_BLOCK and size < self.size else 0
        self.was_read = True

    cdef int restart_clock(self) except -1:
        if self.clock is not None:
            self.clock.restart()
        return 0

    @cython.critical_section
    cdef object as_file(self):
        """The BytesIO, with the position that the blocks had."""
        self.restart_clock()
        if self.file is None:
            if not self.was_read:
                self.learn_block_size(-1)
            self.file = joined(self.blocks, self.position)
            self.blocks = None
        return self.file

    def read(self, size=-1):
        """read(size: int | None = -1) -> bytes: up to size bytes; all that are left when size is negative or None."""
        cdef Py_ssize_t wanted = -1 if size is None else size
        cdef bytes block = self.whole_block(wanted)
        return self.as_file().read(wanted) if block is None else block

    @cython.critical_section
    cdef bytes whole_block(self, Py_ssize_t wanted):
        """What read(wanted) returns, if that is just the next block or b""; otherwise None."""
        if self.file is not None:
            return None
        self.restart_clock()
        if not self.was_read:
            self.learn_block_size(wanted)
        if self.next_block == len(self.blocks):
            return b""
        block = <bytes>self.blocks[self.next_block]
        is_last = self.next_block == len(self.blocks) - 1
        if wanted != len(block) and not (is_last and (wanted < 0 or wanted > len(block))):
            return None
        self.next_block += 1
        self.position += len(block)
        return block

    def readline(self, size=-1):
        """readline(size: int | None = -1) -> bytes: up to and with the next line feed, size bytes at most."""
        return self.as_file().readline(size)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.as_file())

    def __enter__(self):
        return self.as_file().__enter__()

    def __exit__(self, *exc_info):
        return self.as_file().__exit__(*exc_info)

    def __reduce__(self):
        """A copy is a BytesIO, with a position of its own."""
        return io.BytesIO, (), self.as_file().__getstate__()

    def __getattr__(self, name):
        return getattr(self.as_file(), name)


cdef class EmptyBody:
    """wsgi.input of requests without a body, which are most of them: an empty file. It has no state, so all requests
    share one object."""

    def read(self, size=-1):
        """Always b""."""
        return b""

    read1 = read

    def readline(self, size=-1):
        """Always b""."""
        return b""

    def readlines(self, hint=-1):
        """Always []."""
        return []

    def readinto(self, buffer):
        """Always 0."""
        return 0

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return None

    def seek(self, offset, whence=0):
        """Always 0: an empty file has no other position."""
        return 0

    def tell(self):
        """Always 0."""
        return 0

    def readable(self):
        """True."""
        return True

    def writable(self):
        """False."""
        return False

    def seekable(self):
        """True."""
        return True

    def flush(self):
        """Does nothing."""

    def close(self):
        """Does nothing: other requests use the object too."""

    @property
    def closed(self):
        """False."""
        return False
