# cython: binding=False
"""Reads memory that other threads write (csrc/base/shared_words.h)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from .csrc cimport rhb_shared_load
from .shared_bytes cimport shared_bytes


def read_words(memory not None, size_t at, size_t size):
    """read_words(memory: memoryview, at: int, size: int) -> bytes, by atomic loads of 64 bits from the first to the
    last. Raises ValueError for what is not a part of the memory, or not whole words."""
    cdef size_t end = len(memory)
    cdef const unsigned char *start = shared_bytes(memory, end)
    if at > end or size > end - at or size % 8 or <size_t>(start + at) % 8:
        raise ValueError(f"{size} bytes at {at} are not words of these {end}")
    copied = PyBytes_FromStringAndSize(NULL, size)
    rhb_shared_load(PyBytes_AS_STRING(copied), start + at, size // 8)
    return copied
