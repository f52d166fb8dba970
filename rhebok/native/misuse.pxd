cdef int raise_again(object exc_info) except -1
cdef int refuse_headers(object headers) except -1
cdef int refuse_block(object data) except -1
