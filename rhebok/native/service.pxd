from .csrc cimport rhb_loop
from .request_count cimport RequestCount
from .request_ids cimport RequestIds
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
    cdef object named_files          # NamedFiles; None when the application may name no files
    cdef uint64_t requests, max_requests, limit_at, gc_every
    cdef object on_limit, on_last_accept
    cdef RequestIds request_ids      # None: requests have no identifiers
    cdef RequestCount all_requests   # of the worker, when it has several loops and a limit; otherwise None
    cdef set taken                   # exchanges whose sockets the application has taken (upgrade.pyx)
    cdef object base_context
    cdef uint64_t next_body_error    # when one may be logged again, in coarse monotonic ns
    cdef uint64_t next_answer_error  # likewise

    # which of several threads polls
    cdef bint ended                  # drained, or a thread failed: every thread ends
    cdef bint sleeping               # a thread sleeps in the loop, and polls when it wakes
    cdef unsigned idle               # threads that wait in the semaphore
    cdef unsigned woken              # threads that were woken and have not returned from the semaphore yet
    cdef sem_t semaphore
    cdef int wake_fd                 # wakes the thread that sleeps in the loop; -1 with one thread

    cdef int serve(self, object app, uint64_t max_requests, object on_limit, object on_last_accept) except -1
    cdef int wait_in_semaphore(self) except -1
    cdef int wake_idle_thread(self) noexcept
    cdef int wake_sleeping_thread(self) noexcept
    cdef int end_threads(self) noexcept
    cdef int log_body_error(self) except -1
    cdef int log_answer_error(self) except -1
    cdef int release_listeners(self) except -1
    cdef int reach_max_requests(self) except -1
