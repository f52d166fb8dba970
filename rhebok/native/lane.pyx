# cython: binding=False
"""The threads that serve: each has a lane of the loop, polls, and hands each event to its request handler.

With one thread (the default) it is the worker's main thread: poll, serve, wait, and so on.

With more, one thread polls at a time, and the GIL decides which: a thread enters the loop only while it has
the GIL. A thread with a request to serve first wakes another one, which then waits for the GIL. So a request
that only computes is followed by the next one in the same thread, and while a request waits, for a database for
instance, the woken thread polls. A thread that finds no event sleeps in the loop without the GIL; the
others wait in a semaphore. The main thread then serves no request: it handles the signals.

Without the GIL (PEP 703) the threads share no loop: each has a Worker of its own, with one lane (see Worker).

Lifetime: a Service and its lanes belong to a Worker, which keeps the loop alive.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject

from .csrc cimport (
    RHB_EVENT_ANSWERED,
    RHB_EVENT_DRAINED,
    RHB_EVENT_LOST,
    RHB_EVENT_REQUEST,
    RHB_EVENT_WAIT,
    RHB_EVENT_WRITABLE,
    rhb_conn,
    rhb_event,
    rhb_loop_accepts,
    rhb_loop_after_sleep,
    rhb_loop_before_sleep,
    rhb_loop_enter,
    rhb_loop_leave,
    rhb_loop_needs_attention,
    rhb_loop_poll,
    rhb_loop_settle,
    rhb_loop_sleep,
    rhb_loop_wait,
    rhb_score_end,
)
from .request_handler cimport RequestHandler
from .service cimport Service

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident()
    int PyThreadState_SetAsyncExc(unsigned long thread_id, PyObject *exception)


@cython.final
cdef class Lane:
    """Lane(service, templates): the part of one thread. templates: see EnvironBuilder; a lane has its own, since the
    values of its last request are kept in them. The worker lets it join() its loop."""

    def __cinit__(self, Service service, templates):
        self.service = service
        self.handler = RequestHandler(service, templates)

    cdef int join(self, rhb_loop *loop, rhb_lane *lane) except -1:
        """From now on it is that lane of that loop. NULL: there was no memory for one."""
        if lane is NULL:
            raise MemoryError
        self.loop, self.lane = loop, lane
        self.handler.loop, self.handler.lane = loop, lane
        self.handler.environs.loop, self.handler.environs.lane = loop, lane
        self.handler.environs.forwarded = &loop.options.forwarded
        return 0

    # ---- one thread ----

    def run_alone(self):
        """run_alone() -> None: serves in the main thread until the loop is drained. Handlers of Python signals run
        inside, and what they raise comes out."""
        self.handler.enter_base_context()
        try:
            self.serve_until_drained()
        finally:
            self.handler.end()
            rhb_loop_leave(self.loop, self.lane)

    cdef int serve_until_drained(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while True:
            rhb_loop_enter(self.loop, self.lane)
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_REQUEST:
                self.handler.serve(conn)
            elif event == RHB_EVENT_WAIT:
                if not rhb_loop_accepts(self.loop):
                    self.service.release_listeners()
                self.wait_alone()
                PyErr_CheckSignals()
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                if event == RHB_EVENT_ANSWERED:
                    self.let_others_run()
                self.handler.handle(event, conn)
                PyErr_CheckSignals()

    cdef int let_others_run(self) noexcept:
        """C has answered requests, and may go on for long: other threads get the GIL in between."""
        rhb_loop_leave(self.loop, self.lane)
        with nogil:
            pass
        return 0

    cdef int wait_alone(self) noexcept:
        """Waits for an event. Until this thread has the GIL again, the mover may send away what has arrived: another
        thread of the application may keep the GIL for long."""
        cdef int timeout_ms
        if self.loop.mover is NULL:
            with nogil:
                rhb_loop_wait(self.loop)
            return 0
        timeout_ms = rhb_loop_before_sleep(self.loop)
        rhb_loop_leave(self.loop, self.lane)
        with nogil:
            rhb_loop_sleep(self.loop, timeout_ms)
        rhb_loop_enter(self.loop, self.lane)
        rhb_loop_after_sleep(self.loop)
        return 0

    # ---- one thread of its own, of several loops ----

    def run_in_thread(self):
        """run_in_thread() -> None: serves in this thread, which is not the main one, until the loop is drained."""
        self.thread_id = PyThread_get_thread_ident()
        self.handler.enter_base_context()
        try:
            self.serve_in_thread()
        finally:
            self.thread_id = 0
            self.handler.end()
            rhb_loop_leave(self.loop, self.lane)

    cdef int serve_in_thread(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while True:
            rhb_loop_enter(self.loop, self.lane)
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_WAIT:
                if not rhb_loop_accepts(self.loop):
                    self.service.release_listeners()
                self.wait_alone()
            elif event == RHB_EVENT_ANSWERED:
                self.let_others_run()
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                self.handle_or_be_interrupted(event, conn)

    # ---- several threads, one loop ----

    def run_with_others(self):
        """run_with_others() -> None: serves in a thread of its own, until one of the threads has drained the loop or
        has failed."""
        self.thread_id = PyThread_get_thread_ident()
        self.handler.enter_base_context()
        try:
            self.share_polling()
        finally:
            self.thread_id = 0
            self.handler.end()
            rhb_loop_leave(self.loop, self.lane)
            self.service.end_threads()

    cdef int share_polling(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while not self.service.ended:
            if self.service.sleeping:
                rhb_loop_leave(self.loop, self.lane)
                self.service.wait_in_semaphore()
                continue
            rhb_loop_enter(self.loop, self.lane)
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_WAIT:
                self.sleep()
            elif event == RHB_EVENT_ANSWERED:
                self.let_others_run()
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                self.service.wake_idle_thread()
                self.handle_or_be_interrupted(event, conn)
        return 0

    cdef int sleep(self) except -1:
        """Sleeps in the loop until there is an event."""
        cdef int timeout_ms
        if self.service.on_last_accept is not None and not rhb_loop_accepts(self.loop):
            self.service.release_listeners()
            return 0  # that ran Python code, so other threads may have been in the loop: poll again
        timeout_ms = rhb_loop_before_sleep(self.loop)
        self.service.sleeping = True
        rhb_loop_leave(self.loop, self.lane)
        with nogil:
            rhb_loop_sleep(self.loop, timeout_ms)
        self.service.sleeping = False
        rhb_loop_enter(self.loop, self.lane)
        rhb_loop_after_sleep(self.loop)
        return 0

    cdef int handle_or_be_interrupted(self, int event, rhb_conn *conn) except -1:
        """Handles an event. The exception of interrupt() ends its request, and no more."""
        with cython.critical_section(self):
            self.interruptible = event in (RHB_EVENT_REQUEST, RHB_EVENT_WRITABLE, RHB_EVENT_LOST)
        try:
            self.handler.handle(event, conn)
        except BaseException:
            if not self.interrupted:
                raise
        rhb_loop_settle(self.loop, self.lane)
        with cython.critical_section(self):
            self.interruptible = False
            if self.interrupted:
                self.clear_interrupt()
        if self.service.sleeping:
            rhb_loop_enter(self.loop, self.lane)  # the mover changes the lists that are looked at
            if rhb_loop_needs_attention(self.loop):
                self.service.wake_sleeping_thread()
        return 0

    @cython.critical_section
    def interrupt(self, exception):
        """interrupt(exception: type[BaseException]) -> None: raises it in this lane's thread, if that has a request, as
        soon as it runs Python code again."""
        if self.thread_id != 0 and self.interruptible:
            self.interrupted = True
            PyThreadState_SetAsyncExc(self.thread_id, <PyObject *>exception)

    cdef int clear_interrupt(self) except -1:
        """Takes back an exception that has not been raised, because the request ended just before: it must not hit
        the next one. Aborts what an exception that was raised left unfinished."""
        PyThreadState_SetAsyncExc(self.thread_id, NULL)
        self.interrupted = False
        rhb_score_end(self.lane.score)
        return self.handler.abort()
