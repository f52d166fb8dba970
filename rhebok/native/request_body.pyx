# cython: binding=False
"""What wsgi.input is made of (serving.pyx makes it: a BytesIO or an ordinary file, where there is a body).

A body that arrives in pieces is received into a bytes object, which nobody sees before it is complete. So the
application gets it uncopied: BytesIO shares it, and so does a read() of all of it.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear
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


cdef bytes take_bytes(rhb_body *body):
    """The body, out of bytes_memory, which is no longer the connection's."""
    cdef PyObject *block = <PyObject *>body.block
    body.block = body.data = NULL
    _PyBytes_Resize(&block, <Py_ssize_t>body.len)
    taken = <bytes>block
    Py_DECREF(taken)
    return taken


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
