# cython: binding=False
"""What the threads of a worker share: the application, its count of requests, and which thread polls the loop.

With several threads, each of them is in one of four places: it runs a request (and has the GIL, or waits for it),
polls the loop (with the GIL), sleeps in the loop (without the GIL; one at most), or waits in the semaphore.

Lifetime: a Service belongs to a Worker, which keeps the loop alive. Its fields are read and written with the GIL; in a
worker of several loops (see Worker) by the thread of its loop only, but for `taken`.
"""

import os

from libc.stdint cimport uint64_t
from posix.unistd cimport write

from .csrc cimport (
    RHB_NS_PER_SECOND,
    rhb_body_directory,
    rhb_loop_release_listeners,
    rhb_loop_stop,
    rhb_now_coarse,
)
from .error_log cimport log_error

cdef extern from "<semaphore.h>" nogil:
    int sem_init(sem_t *semaphore, int shared, unsigned value)
    int sem_destroy(sem_t *semaphore)
    int sem_post(sem_t *semaphore)
    int sem_wait(sem_t *semaphore)


cdef class Service:
    """Service(logger, settings): see Worker for the arguments. The worker sets what is its own: `loop`, `app`,
    `wake_fd`, the limit of requests, what it calls, and `base_context`."""

    def __cinit__(self, logger, settings):
        self.logger = logger
        self.allow_chunked = settings.chunked
        if settings.sendfile_root:
            from rhebok.native.named_files import NamedFiles  # with urllib.parse

            self.named_files = NamedFiles(settings.sendfile_root, logger)
        self.gc_every = settings.oobgc
        self.taken = set()
        self.wake_fd = -1
        sem_init(&self.semaphore, 0, 0)

    def __dealloc__(self):
        sem_destroy(&self.semaphore)

    cdef int serve(self, object app, uint64_t max_requests, object on_limit, object on_last_accept) except -1:
        """See Worker for the arguments."""
        self.app = app
        self.max_requests = self.limit_at = max_requests
        self.on_limit, self.on_last_accept = on_limit, on_last_accept
        return 0

    # ---- the threads ----

    cdef int wait_in_semaphore(self) except -1:
        """Waits until another thread wakes this one."""
        self.idle += 1
        with nogil:
            while sem_wait(&self.semaphore) < 0:
                pass  # EINTR
        self.woken -= 1
        return 0

    cdef int wake_idle_thread(self) noexcept:
        """Wakes a thread that polls while the caller runs the application; at most one at a time, since one that was
        woken before and still waits for the GIL is enough."""
        if self.idle > 0 and self.woken == 0:
            self.idle -= 1
            self.woken += 1
            sem_post(&self.semaphore)
        return 0

    cdef int wake_sleeping_thread(self) noexcept:
        """Ends the sleep of the thread that sleeps in the loop."""
        cdef uint64_t one = 1
        if self.wake_fd >= 0 and write(self.wake_fd, &one, sizeof(one)) < 0:
            return 0  # EAGAIN: it has been woken more often than it has looked
        return 0

    cdef int end_threads(self) noexcept:
        """Every thread ends as soon as it has no request."""
        self.ended = True
        self.woken += self.idle
        while self.idle > 0:
            self.idle -= 1
            sem_post(&self.semaphore)
        return self.wake_sleeping_thread()

    # ---- the error log ----

    cdef int log_body_error(self) except -1:
        """A request was refused because its body could not be written to a file. Logged once a second at most, however
        many there are."""
        cdef uint64_t now = rhb_now_coarse()
        cdef int error = self.loop.body_error
        if now < self.next_body_error:
            return 0
        self.next_body_error = now + RHB_NS_PER_SECOND
        log_error(self.logger, "a request body cannot be written to a file in %s (TMPDIR), so its request got 500: %s",
                  (os.fsdecode(rhb_body_directory()), os.strerror(error)), None)
        return 0

    cdef int log_answer_error(self) except -1:
        """The same of a file that C was to send: the access log has its request."""
        cdef uint64_t now = rhb_now_coarse()
        if now < self.next_answer_error:
            return 0
        self.next_answer_error = now + RHB_NS_PER_SECOND
        log_error(self.logger, "a file of --static cannot be sent, so its request got 503, or only a part of it: %s",
                  (os.strerror(self.loop.answer_error),), None)
        return 0

    # ---- limits ----

    cdef int release_listeners(self) except -1:
        """The last connection has been accepted: the listeners may be closed. Called any number of times."""
        if self.on_last_accept is not None:
            rhb_loop_release_listeners(self.loop)
            self.on_last_accept()
            self.on_last_accept = None
        return 0

    cdef int reach_max_requests(self) except -1:
        """Asks the master for a successor and serves on meanwhile; after as many requests again it stops anyway."""
        if self.on_limit is None:
            rhb_loop_stop(self.loop)
            return 0
        self.on_limit()
        self.on_limit = None
        self.limit_at = 2 * self.max_requests
        return 0
