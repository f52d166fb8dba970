# cython: binding=False
"""Fills the holes that the start of a program has left in its memory. Called by a master, right before it forks.

A worker that writes to a page of its master gets a copy of the whole page. What it allocates would go to holes in
many such pages, one object each. When there are none, it goes to few fresh pages. Nothing is lost by that: a hole in
which a worker puts something is a copy of a page too.
"""

from cpython.object cimport PyObject
from libc.stdlib cimport free, malloc

cdef extern from "Python.h":
    void *PyObject_Malloc(size_t size) nogil
    void PyObject_Free(void *block) nogil

ctypedef void *(*Allocate)(size_t size) noexcept nogil
ctypedef void (*Release)(void *block) noexcept nogil

cdef enum:
    STEP = 16
    LARGEST_OBJECT = 512     # bytes; larger ones Python allocates by malloc
    LARGEST_BLOCK = 4096     # larger holes hold many objects: they are as good as fresh memory
    FRESH = 512              # bytes in blocks one behind the other, after which the next one will be there too
    MAX_FRESH = FRESH // STEP
    MOST = 1 << 20           # bytes of one size: whatever is left then, this is enough

cdef void *kept = NULL       # the first block; each begins with the address of the next one


def fill_memory_holes():
    """fill_memory_holes() -> int: bytes that were filled, which remain so."""
    cdef size_t size, filled = 0
    for size in range(LARGEST_BLOCK, 0, -STEP):
        filled += fill(malloc, free, size)
    for size in range(LARGEST_OBJECT, 0, -STEP):
        filled += fill(PyObject_Malloc, PyObject_Free, size)
    return filled


cdef size_t fill(Allocate allocate, Release release, size_t size) noexcept nogil:
    """With blocks of this size, until they come from memory without holes."""
    global kept
    cdef void *fresh[MAX_FRESH]
    cdef size_t count = 0, filled = 0
    cdef char *last = NULL
    cdef void *block
    while count * size < FRESH and filled < MOST:
        block = allocate(size)
        if block is NULL:
            break
        if last is not NULL and 0 < <char *>block - last <= <ssize_t>(size + STEP):
            fresh[count] = block
            count += 1
        else:
            while count > 0:
                count -= 1
                filled += keep(fresh[count], size)
            filled += keep(block, size)
        last = <char *>block
    if count > 0:  # stays: where nothing else is, memory is given back and taken anew for each object
        count -= 1
        filled += keep(fresh[count], size)
    while count > 0:
        count -= 1
        release(fresh[count])
    return filled


cdef inline size_t keep(void *block, size_t size) noexcept nogil:
    """Linked, so that tools which look for lost memory find it."""
    global kept
    (<void **>block)[0] = kept
    kept = block
    return size
