# cython: binding=False
"""The threads that serve: each has a lane of the loop, and takes requests through the application.

With one thread (the default) it is the worker's main thread: poll, serve, wait, and so on.

With more, one polls at a time, and the GIL decides which: a thread comes into the loop only while it has
the GIL, and whoever has a request to serve calls another one first, which then waits for the GIL. So a
request that only computes is followed by the next one in the same thread, and one that waits, for a database
or for time to pass, lets the called thread poll in its place. A thread that finds nothing to do sleeps in the
loop without the GIL; the others wait in a semaphore meanwhile. The main thread serves none: it has the signals.

Lifetime: a Service and its lanes belong to a Worker, which keeps the loop alive.
"""

import gc
import io
import os

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uint64_t
from posix.unistd cimport write

from .application_call cimport application_failed, call_application, resume_response
from .csrc cimport (
    RHB_EVENT_DRAINED,
    RHB_EVENT_LOST,
    RHB_EVENT_REQUEST,
    RHB_EVENT_WAIT,
    RHB_EVENT_WRITABLE,
    rhb_conn,
    rhb_event,
    rhb_hand_over_end,
    rhb_loop_abort,
    rhb_loop_accepts,
    rhb_loop_after_sleep,
    rhb_loop_before_sleep,
    rhb_loop_done,
    rhb_loop_enter,
    rhb_loop_release_listeners,
    rhb_loop_needs_attention,
    rhb_loop_poll,
    rhb_loop_sleep,
    rhb_loop_stop,
    rhb_loop_suspend,
    rhb_loop_wait,
    rhb_request,
    rhb_score_end,
    rhb_score_sending,
)
from .early_hints cimport hints_for, new_exchange, retire_exchange
from .environ cimport EnvironBuilder
from .exchange cimport BROKEN, FINISHED, SHARED, SUSPENDED, UPGRADED, Exchange, Progress
from .request_body cimport take_body
from .upgrade cimport run_offering

cdef extern from "Python.h":
    object PyContext_Copy(object context)
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    unsigned long PyThread_get_thread_ident()
    int PyThreadState_SetAsyncExc(unsigned long thread_id, PyObject *exception)

cdef extern from "<semaphore.h>" nogil:
    int sem_init(sem_t *semaphore, int shared, unsigned value)
    int sem_destroy(sem_t *semaphore)
    int sem_post(sem_t *semaphore)
    int sem_wait(sem_t *semaphore)


cdef class Service:
    """Service(app, logger, settings, max_requests, on_limit, on_last_accept): what a worker's lanes have in common."""

    def __cinit__(self, app, logger, settings, uint64_t max_requests, on_limit, on_last_accept):
        self.app = app
        self.logger = logger
        self.allow_chunked = settings.chunked
        self.gc_every = settings.oobgc
        self.max_requests = self.limit_at = max_requests
        self.on_limit = on_limit
        self.on_last_accept = on_last_accept
        self.kick_fd = -1
        sem_init(&self.turn, 0, 0)

    def __dealloc__(self):
        sem_destroy(&self.turn)

    cdef int call_another(self) noexcept:
        """Somebody is to poll while the caller is with the application. One that was called before and still
        waits for the GIL is enough."""
        if self.idle > 0 and self.called == 0:
            self.idle -= 1
            self.called += 1
            sem_post(&self.turn)
        return 0

    cdef int kick(self) noexcept:
        """Whoever sleeps in the loop is to look at it."""
        cdef uint64_t one = 1
        if self.kick_fd >= 0:
            write(self.kick_fd, &one, sizeof(one))
        return 0

    cdef int end(self) noexcept:
        """Every thread ends, as soon as it has nothing at hand."""
        self.over = True
        self.called += self.idle
        while self.idle > 0:
            self.idle -= 1
            sem_post(&self.turn)
        return self.kick()

    cdef int let_go_of_listeners(self) except -1:
        if self.on_last_accept is not None:
            rhb_loop_release_listeners(self.loop)
            self.on_last_accept()
            self.on_last_accept = None
        return 0

    cdef int reach_limit(self) except -1:
        """Goes on until the master has a successor; when that takes too long, the end comes all the same."""
        if self.on_limit is None:
            rhb_loop_stop(self.loop)
            return 0
        self.on_limit()
        self.on_limit = None
        self.limit_at = 2 * self.max_requests
        return 0


cdef class Lane:
    """Lane(service, templates): one thread's part. templates: see EnvironBuilder; no two threads share one, since
    what they remember of the last request is put into them."""

    def __cinit__(self, Service service, templates):
        self.service = service
        self.loop = service.loop
        self.environs = EnvironBuilder(templates)
        self.exchange = new_exchange(service.logger, service.allow_chunked)

    # ---- one thread ----

    def run_alone(self):
        """run_alone() -> None: in the main thread, until the loop is drained. Handlers of Python signals run inside."""
        self.context = PyContext_Copy(self.service.base_context)
        PyContext_Enter(self.context)
        try:
            self.serve_until_drained()
        finally:
            self.abandon()
            PyContext_Exit(self.context)

    cdef int serve_until_drained(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while True:
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_REQUEST:
                self.serve(conn)
            elif event == RHB_EVENT_WAIT:
                if not rhb_loop_accepts(self.loop):
                    self.service.let_go_of_listeners()
                with nogil:
                    rhb_loop_wait(self.loop)
                PyErr_CheckSignals()
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                self.act(event, conn)
                PyErr_CheckSignals()

    # ---- several ----

    def run_in_turns(self):
        """run_in_turns() -> None: in a thread of its own, until the service is over."""
        self.thread_id = PyThread_get_thread_ident()
        self.context = PyContext_Copy(self.service.base_context)
        PyContext_Enter(self.context)
        try:
            self.take_turns()
        finally:
            self.thread_id = 0
            self.abandon()
            PyContext_Exit(self.context)
            self.service.end()

    cdef int take_turns(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while not self.service.over:
            if self.service.sleeper:
                self.wait_for_turn()
                continue
            rhb_loop_enter(self.loop, self.own)
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_WAIT:
                self.sleep()
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                self.service.call_another()
                try:
                    self.act(event, conn)
                except BaseException:
                    if not self.interrupted:
                        raise
                self.give_back()
        return 0

    cdef int wait_for_turn(self) except -1:
        self.service.idle += 1
        with nogil:
            while sem_wait(&self.service.turn) < 0:
                pass  # EINTR
        self.service.called -= 1
        return 0

    cdef int sleep(self) except -1:
        cdef int timeout_ms
        if self.service.on_last_accept is not None and not rhb_loop_accepts(self.loop):
            self.service.let_go_of_listeners()
            return 0  # that was Python, so others may have been in the loop: poll again
        timeout_ms = rhb_loop_before_sleep(self.loop)
        self.service.sleeper = True
        with nogil:
            rhb_loop_sleep(self.loop, timeout_ms)
        self.service.sleeper = False
        rhb_loop_enter(self.loop, self.own)
        rhb_loop_after_sleep(self.loop)
        return 0

    cdef int give_back(self) except -1:
        """What an interruption left half done, and what the one who sleeps in the loop must hear of."""
        if self.interrupted:
            self.clear_interrupt()
        if self.service.sleeper and rhb_loop_needs_attention(self.loop):
            self.service.kick()
        return 0

    def interrupt(self, exception):
        """interrupt(exception: type) -> None: raises it in this lane's thread, if that is at a request, as soon as it
        runs Python code again."""
        if self.thread_id != 0 and (self.own.current is not NULL or self.current is not None):
            self.interrupted = True
            PyThreadState_SetAsyncExc(self.thread_id, <PyObject *>exception)

    cdef int clear_interrupt(self) except -1:
        """The request may have ended just before the interruption, which must not hit the next one."""
        PyThreadState_SetAsyncExc(self.thread_id, NULL)
        self.interrupted = False
        rhb_score_end(self.own.score)
        return self.abandon()

    # ---- what comes to no end of its own ----

    cdef int abandon(self) except -1:
        """An exception has come out of serving, by an interruption or a fault of ours such as lack of memory: what
        was being answered is broken off. Harmless when nothing was, as when the thread ends."""
        cdef Exchange own = self.exchange
        cdef Exchange current = self.current
        self.exchange = self.current = None
        if own is not None:
            self.break_off(own)
        if current is not None:
            self.break_off(current)
        if self.own.current is not NULL:  # nobody had begun with it
            rhb_loop_enter(self.loop, self.own)
            rhb_loop_abort(self.loop, self.own.current)
        return 0

    cdef int break_off(self, Exchange exchange) except -1:
        if exchange.running:
            exchange.running = False
            rhb_loop_enter(self.loop, self.own)
            rhb_loop_abort(self.loop, exchange.conn)
            if exchange.detached:
                rhb_score_sending(self.own.score, -1)
                exchange.score_unsent(0)
        exchange.close_iterable()
        return retire_exchange(exchange)

    # ---- a request ----

    cdef int act(self, int event, rhb_conn *conn) except -1:
        if event == RHB_EVENT_REQUEST:
            self.serve(conn)
        elif event == RHB_EVENT_WRITABLE:
            self.resume(conn)
        elif event == RHB_EVENT_LOST:
            self.give_up(conn)
        return 0

    cdef int serve(self, rhb_conn *conn) except -1:
        cdef Service service = self.service
        cdef Exchange exchange = self.exchange
        cdef Progress progress
        if exchange is None:
            exchange = self.exchange = new_exchange(service.logger, service.allow_chunked)
        service.requests += 1
        if service.requests == service.limit_at:
            service.reach_limit()  # before the answer, which so says that the connection closes when it stops
        exchange.start(self.loop, self.own, conn)
        exchange.score_start()
        try:
            environ = self.environs.build(&self.own.request, conn, self.input(), hints_for(exchange))
        except BaseException as error:
            progress = application_failed(exchange, error)
        else:
            if self.own.request.framing.upgrade:
                progress = run_offering(exchange, service.app, environ)
            else:
                progress = call_application(exchange, service.app, environ)
        self.settle(exchange, conn, progress)
        rhb_score_end(self.own.score)
        if service.gc_every and service.requests % service.gc_every == 0:
            gc.collect()
        return 0

    cdef object input(self):
        """wsgi.input of the request at hand; None when it has no body."""
        cdef rhb_request *request = &self.own.request
        if request.body_len == 0:
            return None
        if request.inline_body is not NULL:
            return io.BytesIO(request.inline_body[:request.body_len])
        if request.body.fd < 0:
            return take_body(request.body)
        os.lseek(request.body.fd, 0, os.SEEK_SET)
        file = io.FileIO(request.body.fd)
        request.body.fd = -1  # only now: of a FileIO that fails it stays the body's
        return io.BufferedReader(file)

    cdef int settle(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1:
        """What becomes of exchange and connection after a run or a resumption."""
        if progress == SUSPENDED:
            if not exchange.detached:
                rhb_score_sending(self.own.score, 1)
            exchange.detach()
            exchange.score_unsent(exchange.outgoing.in_memory())
            if exchange.iterable is not None:
                self.isolate(exchange)
            rhb_loop_enter(self.loop, self.own)
            if rhb_loop_suspend(self.loop, conn, <void *>exchange):
                Py_INCREF(exchange)  # the connection's; taken back by resume and give_up
                if self.exchange is exchange:
                    self.exchange = None
                return 0
            exchange.finish(BROKEN)
            rhb_loop_abort(self.loop, conn)
        else:
            exchange.finish(progress)
            rhb_loop_enter(self.loop, self.own)
            if progress == FINISHED:
                rhb_loop_done(self.loop, conn, exchange.head.outcome.keep_alive)
            elif progress == UPGRADED or progress == SHARED:
                rhb_hand_over_end(self.loop, conn, progress == SHARED)
            else:
                rhb_loop_abort(self.loop, conn)
        if exchange.detached:
            rhb_score_sending(self.own.score, -1)
            exchange.score_unsent(0)
        if exchange.iterable is not None:
            self.current = exchange
            exchange.close_iterable()
            self.current = None
        if self.exchange is exchange and exchange.is_reusable():
            return 0
        if self.exchange is exchange:
            self.exchange = None
        elif self.exchange is None and exchange.is_reusable():
            self.exchange = exchange
            return 0
        return retire_exchange(exchange)

    cdef int isolate(self, Exchange exchange) except -1:
        """A response that pauses keeps the context variables that its application has set, and the requests
        served meanwhile get others: an iterator may hold a context manager open across its yields, and
        close() is still to come."""
        exchange.context = self.context
        self.enter_context(PyContext_Copy(self.service.base_context))
        return 0

    cdef int enter_context(self, object context) except -1:
        PyContext_Exit(self.context)
        self.context = context
        PyContext_Enter(context)
        return 0

    cdef int take_from(self, rhb_conn *conn) except -1:
        """The suspended exchange of a connection, of which the caller has a reference, goes on here, in its context."""
        cdef Exchange exchange = <Exchange>conn.owner
        Py_DECREF(exchange)
        conn.owner = NULL
        if exchange.context is not None:
            self.enter_context(exchange.context)
            exchange.context = None
        return 0

    cdef int resume(self, rhb_conn *conn) except -1:
        cdef Exchange exchange = <Exchange>conn.owner
        cdef bint isolated = exchange.context is not None
        cdef Progress progress
        self.current = exchange
        self.take_from(conn)
        progress = resume_response(exchange, self.own)
        self.settle(exchange, conn, progress)
        self.current = None
        rhb_score_end(self.own.score)
        if isolated and exchange.context is None:
            self.enter_context(PyContext_Copy(self.service.base_context))
        return 0

    cdef int give_up(self, rhb_conn *conn) except -1:
        """The client has not read for too long."""
        cdef Exchange exchange = <Exchange>conn.owner
        cdef bint isolated = exchange.context is not None
        self.current = exchange
        self.take_from(conn)
        exchange.lane = self.own
        exchange.score_resume()  # for close()
        self.settle(exchange, conn, BROKEN)
        self.current = None
        rhb_score_end(self.own.score)
        if isolated:
            self.enter_context(PyContext_Copy(self.service.base_context))
        return 0
