cdef object plain_file(object filelike)
cdef tuple regular_file(object filelike)


cdef class FileWrapper:
    cdef readonly object filelike
    cdef readonly object blksize
cdef int close_file(object file) except -1
