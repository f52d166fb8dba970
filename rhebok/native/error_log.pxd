from .csrc cimport phr_request_head

cdef int show_queries(bint wanted) except -1
cdef str describe_request(const phr_request_head *head, str request_id)
cdef int log_error(object logger, str message, tuple arguments, object error, dict identifiers=*) except -1
cdef dict identifiers_of(const phr_request_head *head, str request_id)
