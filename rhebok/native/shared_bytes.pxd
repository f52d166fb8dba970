"""Memory that processes share, as C sees it; inline, for the modules of native.

A typed memoryview of Cython would add 20,000 lines of C to each module that has one.
"""

from cpython.buffer cimport PyBuffer_IsContiguous
from cpython.memoryview cimport PyMemoryView_GET_BUFFER


cdef inline unsigned char *shared_bytes(memory, size_t size) except NULL:
    """Where the bytes of a memoryview begin; the caller keeps it for as long as C has the pointer. Raises TypeError
    when it is no memoryview, ValueError unless its bytes are contiguous, writable and `size` many."""
    if not isinstance(memory, memoryview):
        raise TypeError(f"memory must be a memoryview, not {type(memory).__name__}")
    cdef Py_buffer *buffer = PyMemoryView_GET_BUFFER(memory)
    if buffer.readonly or not PyBuffer_IsContiguous(buffer, c"C") or <size_t>buffer.len != size:
        raise ValueError(f"{size} writable bytes are needed, in one piece")
    return <unsigned char *>buffer.buf
