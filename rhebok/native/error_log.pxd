from .csrc cimport phr_request_head

cdef int show_queries(bint wanted) except -1
cdef str describe_request(const phr_request_head *head)
cdef int log_error(object logger, str message, tuple arguments, object error) except -1
