from .csrc cimport rhb_body, rhb_body_memory, rhb_request
from .exchange cimport Exchange

cdef rhb_body_memory bytes_memory

cdef object input_of(rhb_request *request, Exchange exchange)


cdef class RequestClock:
    cdef Exchange exchange
    cdef object held            # so that the exchange is not used again while the body lives


cdef class ArrivedBody:
    cdef list blocks            # of the same size but for the last one; None once there is a file
    cdef Py_ssize_t next_block  # index of the block that read() returns next
    cdef Py_ssize_t position    # offset of that block in the body
    cdef Py_ssize_t size        # bytes of all blocks
    cdef bint was_read          # the application has read
    cdef object file            # a BytesIO of the whole body
    cdef RequestClock clock     # None: no limit

    cdef int learn_block_size(self, Py_ssize_t size) except -1
    cdef int restart_clock(self) except -1
    cdef object as_file(self)
    cdef bytes whole_block(self, Py_ssize_t wanted)


cdef class EmptyBody:
    pass
