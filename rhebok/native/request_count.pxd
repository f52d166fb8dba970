from libc.stdint cimport uint64_t

cdef extern from "request_count.h":
    ctypedef uint64_t rhb_request_count
    uint64_t rhb_request_count_one_more(rhb_request_count *count)


cdef class RequestCount:
    cdef rhb_request_count count
    cdef uint64_t limit
    cdef object on_limit, stop

    cdef int add_one(self) except -1
