from .csrc cimport rhb_conn, rhb_lane, rhb_loop, rhb_response_head
from .outgoing cimport Outgoing
from .response_body cimport ResponseBody
from .response_head cimport ResponseHead
from libc.stdint cimport int64_t

cdef int ask_cache(rhb_loop *loop, rhb_lane *lane, rhb_conn *conn, ResponseHead *head, int64_t body_length) noexcept
cdef bint begin_filling(rhb_loop *loop, rhb_conn *conn, int filled, bint is_file, ResponseHead *head,
                        ResponseBody *body, Outgoing outgoing) except -1
cdef int64_t length_if_whole(const rhb_response_head *written, object block) noexcept
cdef bint gather(rhb_loop *loop, rhb_conn *conn, object block, ResponseHead *head) except -1
cdef int gather_all(rhb_loop *loop, rhb_conn *conn, tuple blocks, ResponseHead *head) except -1
cdef int end_gathering(rhb_loop *loop, rhb_conn *conn, ResponseHead *head) except -1
cdef int put_validators(dict environ, const rhb_conn *conn) except -1
