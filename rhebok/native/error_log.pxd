from .csrc cimport phr_request_head

cdef str describe_request(const phr_request_head *head)
cdef int log_error(object logger, str message, tuple arguments, object error) except -1
