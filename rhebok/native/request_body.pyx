# cython: binding=False
"""What wsgi.input is made of, where there is no file (serving.pyx takes that, or a BytesIO of a body that came whole).

A body that arrives in pieces is received into bytes objects, which nobody sees before it is complete, so that the
application can have them uncopied. How many they are depends on how it began to read the last such body: all at once,
and the next is received into one object; a block, and the next is received into blocks of that size. A wrong guess
costs one copy of the body.
"""

import io

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_DECREF, PyObject

from .csrc cimport rhb_body

cdef extern from "Python.h":
    PyObject *PyBytes_FromStringAndSize(const char *text, Py_ssize_t size) noexcept
    int _PyBytes_Resize(PyObject **bytes, Py_ssize_t size) except -1


# The loop may be entered without the GIL.
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
    # sizes of reads that are worth blocks of their own, in bytes
    SMALLEST_BLOCK = 16384
    LARGEST_BLOCK = 65536


cdef bytes take_last_block(rhb_body *body):
    """All that is not in the full blocks, out of bytes_memory, which is no longer the connection's."""
    cdef PyObject *block = <PyObject *>body.block
    body.block = body.data = NULL
    _PyBytes_Resize(&block, <Py_ssize_t>(body.len - body.n_full * body.block_size))
    taken = <bytes>block
    Py_DECREF(taken)
    return taken


cdef object take_body(rhb_body *body):
    """wsgi.input of a body that is complete and held in bytes_memory."""
    cdef list blocks = PyList_New(<Py_ssize_t>body.n_full)
    cdef size_t i
    last = take_last_block(body)
    for i in range(body.n_full):
        PyList_SET_ITEM(blocks, i, <object>body.full[i])  # with the reference that the body had
    body.n_full = 0
    blocks.append(last)
    if body.len <= SMALLEST_BLOCK:
        return io.BytesIO(last)
    cdef ArrivedBody arrived = ArrivedBody.__new__(ArrivedBody)
    arrived.blocks = blocks
    arrived.size = <Py_ssize_t>body.len
    return arrived


cdef class ArrivedBody:
    """wsgi.input of a body that came in pieces: a readable, seekable binary file. It gives out the blocks that it has
    while they are what is asked for; from then on it is a BytesIO of the whole."""

    cdef int learn(self, Py_ssize_t size) except -1:
        """The application begins by reading so many bytes (-1: all, or in another way). More than there are is what
        both kinds of reader ask for."""
        if size <= self.size:
            bytes_memory.block_size = size if SMALLEST_BLOCK <= size <= LARGEST_BLOCK and size < self.size else 0
        self.begun = True

    cdef object as_file(self):
        if self.file is None:
            if not self.begun:
                self.learn(-1)
            file = io.BytesIO(self.blocks[0] if len(self.blocks) == 1 else b"".join(self.blocks))
            file.seek(self.position)
            self.file = file
            self.blocks = None
        return self.file

    def read(self, size=-1):
        """Up to size bytes; all that are left when size is negative or None."""
        cdef Py_ssize_t wanted = -1 if size is None else size
        if self.file is not None:
            return self.file.read(wanted)
        if not self.begun:
            self.learn(wanted)
        if self.next_block == len(self.blocks):
            return b""
        block = <bytes>self.blocks[self.next_block]
        is_last = self.next_block == len(self.blocks) - 1
        if wanted != len(block) and not (is_last and (wanted < 0 or wanted > len(block))):
            return self.as_file().read(wanted)
        self.next_block += 1
        self.position += len(block)
        return block

    def readline(self, size=-1):
        """As of any binary file."""
        return self.as_file().readline(size)

    def __iter__(self):
        return iter(self.as_file())

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
    """wsgi.input of requests that have no body, most of them: a readable, seekable binary file of no bytes. It has no
    state, so one object serves them all."""

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
        """Always 0: there is no other place."""
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
        """Does nothing: other requests read it too."""

    @property
    def closed(self):
        """False."""
        return False
