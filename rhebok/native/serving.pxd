from .csrc cimport rhb_conn, rhb_lane, rhb_loop
from .environ cimport EnvironBuilder
from .exchange cimport Exchange, Progress
from libc.stdint cimport uint64_t

cdef extern from "<semaphore.h>" nogil:
    ctypedef struct sem_t:
        pass


cdef class Service:
    # what is served, and how
    cdef rhb_loop *loop
    cdef object app
    cdef object logger
    cdef bint allow_chunked
    cdef uint64_t requests, max_requests, limit_at, gc_every
    cdef object on_limit, on_last_accept
    cdef object base_context

    # whose turn it is to poll
    cdef bint over                   # drained, or given up: every thread ends
    cdef bint sleeper                # a thread sleeps in the loop, and polls when it wakes
    cdef unsigned idle               # threads that wait for their turn
    cdef unsigned called             # threads that were given a turn and have not taken it yet
    cdef sem_t turn
    cdef int kick_fd                 # wakes the sleeper; -1 with one thread

    cdef int call_another(self) noexcept
    cdef int kick(self) noexcept
    cdef int end(self) noexcept
    cdef int let_go_of_listeners(self) except -1
    cdef int reach_limit(self) except -1


cdef class Lane:
    cdef Service service
    cdef rhb_loop *loop
    cdef rhb_lane *own
    cdef EnvironBuilder environs
    cdef Exchange exchange           # of the request at hand, and then of the next one
    cdef Exchange current            # what it is at though it has no request at hand: one goes on, or is closed
    cdef object context
    cdef unsigned long thread_id     # 0: not running
    cdef bint interrupted

    cdef int take_turns(self) except -1
    cdef int wait_for_turn(self) except -1
    cdef int sleep(self) except -1
    cdef int act(self, int event, rhb_conn *conn) except -1
    cdef int give_back(self) except -1
    cdef int clear_interrupt(self) except -1
    cdef int serve(self, rhb_conn *conn) except -1
    cdef object input(self)
    cdef int settle(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1
    cdef int isolate(self, Exchange exchange) except -1
    cdef int enter_context(self, object context) except -1
    cdef int take_from(self, rhb_conn *conn) except -1
    cdef int resume(self, rhb_conn *conn) except -1
    cdef int give_up(self, rhb_conn *conn) except -1
    cdef int serve_until_drained(self) except -1
    cdef int abandon(self) except -1
    cdef int break_off(self, Exchange exchange) except -1
