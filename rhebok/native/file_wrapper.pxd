cdef class FileWrapper:
    cdef readonly object filelike
    cdef readonly object blksize
