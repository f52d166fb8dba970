from .csrc cimport rhb_conn, rhb_lane, rhb_loop
from .request_handler cimport RequestHandler
from .service cimport Service


cdef class Lane:
    cdef Service service
    cdef rhb_loop *loop
    cdef rhb_lane *lane
    cdef RequestHandler handler
    cdef unsigned long thread_id     # 0: not running
    cdef bint interruptible          # an event of a request is being handled
    cdef bint interrupted            # an exception has been sent to the thread

    cdef int join(self, rhb_loop *loop, rhb_lane *lane) except -1
    cdef int serve_until_drained(self) except -1
    cdef int let_others_run(self) noexcept
    cdef int wait_alone(self) noexcept
    cdef int serve_in_thread(self) except -1
    cdef int share_polling(self) except -1
    cdef int handle_or_be_interrupted(self, int event, rhb_conn *conn) except -1
    cdef int sleep(self) except -1
    cdef int clear_interrupt(self) except -1
