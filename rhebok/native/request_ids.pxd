from .csrc cimport (
    rhb_conn,
    rhb_loop,
    rhb_request,
    rhb_request_id_policy,
    rhb_request_id_pool,
    rhb_response_head,
)


cdef class RequestIds:
    cdef rhb_request_id_policy policy
    cdef rhb_request_id_pool pool
    cdef bytes lower, sent_as    # policy points into these
    cdef str key                 # of the environ

    cdef str of(self, const rhb_request *request, const rhb_conn *conn)
    cdef int put(self, dict environ, str request_id) except -1


cdef int echo_request_id(rhb_response_head *head, const rhb_loop *loop, str request_id) except -1
