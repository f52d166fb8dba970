from .csrc cimport rhb_body, rhb_body_memory

cdef rhb_body_memory bytes_memory

cdef object take_body(rhb_body *body)


cdef class ArrivedBody:
    cdef list blocks  # of the same size but for the last one; None when file has it all
    cdef Py_ssize_t next_block  # index of the one to be given out next
    cdef Py_ssize_t position  # where that one begins in the body
    cdef Py_ssize_t size  # bytes of all
    cdef bint begun  # somebody has read
    cdef object file
    cdef int learn(self, Py_ssize_t size) except -1
    cdef object as_file(self)


cdef class EmptyBody:
    pass
