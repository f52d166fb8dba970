from .csrc cimport rhb_conn, rhb_lane, rhb_loop
from .environ cimport EnvironBuilder
from .exchange cimport BROKEN, Exchange, Progress
from .service cimport Service


cdef class RequestHandler:
    cdef Service service
    cdef rhb_loop *loop
    cdef rhb_lane *lane
    cdef EnvironBuilder environs
    cdef Exchange exchange   # of the current request, and then of the next one
    cdef Exchange resumed    # one that goes on, or is being closed, while the lane has no current request
    cdef object context      # contextvars that are entered now

    cdef int handle(self, int event, rhb_conn *conn) except -1
    cdef int serve(self, rhb_conn *conn) except -1
    cdef Progress answer(self, Exchange exchange, rhb_conn *conn) except? BROKEN
    cdef int identify(self, Exchange exchange, const rhb_conn *conn) except -1
    cdef int resume(self, rhb_conn *conn) except -1
    cdef int drop(self, rhb_conn *conn) except -1
    cdef int own_suspended(self, rhb_conn *conn) except -1

    cdef int finish_or_suspend(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1
    cdef bint suspend(self, Exchange exchange, rhb_conn *conn) except -1
    cdef int end_request(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1
    cdef int close_iterable(self, Exchange exchange) except -1
    cdef int keep_or_retire(self, Exchange exchange) except -1

    cdef str describe_current(self)
    cdef int abort(self) except -1
    cdef int abort_exchange(self, Exchange exchange) except -1
    cdef int end(self) except -1

    cdef int enter_base_context(self) except -1
    cdef int enter_context(self, object context) except -1
