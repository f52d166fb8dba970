# cython: binding=False
"""Requests of one lane: environ, application, and what happens to exchange and connection afterwards.

The lane hands over each event of the loop that concerns a request: a new one, a suspended response whose client
has read enough, and one whose client has read too little for too long.

Lifetime: a suspended exchange is owned by its parked connection (rhb_conn.owner), with one reference, until the loop
hands the connection back. Any lane may resume it.
"""

import gc

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF

from .application_call cimport application_failed, call_application, resume_response
from .csrc cimport (
    RHB_EVENT_ANSWER_FAILED,
    RHB_EVENT_LOST,
    RHB_EVENT_NO_BODY_FILE,
    RHB_EVENT_REQUEST,
    RHB_EVENT_WRITABLE,
    RHB_LAP_READING,
    rhb_hand_over_end,
    rhb_loop_abort,
    rhb_loop_done,
    rhb_loop_enter,
    rhb_loop_leave,
    rhb_loop_settle,
    rhb_loop_suspend,
    rhb_now_exact,
    rhb_score_end,
    rhb_score_sending,
)
from .early_hints cimport hints_for, new_exchange, retire_exchange
from .environ cimport EnvironBuilder
from .error_log cimport describe_request
from .exchange cimport BROKEN, FINISHED, SHARED, SUSPENDED, UPGRADED, Exchange, Progress
from .request_body cimport input_of
from .response_cache cimport put_validators
from .service cimport Service
from .upgrade cimport run_offering

cdef extern from "free_threading.h":
    enum: RHB_FREE_THREADED_PYTHON

cdef extern from "Python.h":
    object PyContext_Copy(object context)
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1


@cython.final
cdef class RequestHandler:
    """RequestHandler(service, templates). templates: see EnvironBuilder. `loop` and `lane` are set by Lane.join()."""

    def __cinit__(self, Service service, templates):
        self.service = service
        self.environs = EnvironBuilder(templates)
        self.exchange = new_exchange(service.logger, service.allow_chunked, service.named_files)

    # ---- events ----

    cdef int handle(self, int event, rhb_conn *conn) except -1:
        """Handles an event of the loop; events that concern no request are ignored."""
        if event == RHB_EVENT_REQUEST:
            self.serve(conn)
        elif event == RHB_EVENT_WRITABLE:
            self.resume(conn)
        elif event == RHB_EVENT_LOST:
            self.drop(conn)
        elif event == RHB_EVENT_NO_BODY_FILE:
            self.service.log_body_error()
        elif event == RHB_EVENT_ANSWER_FAILED:
            self.service.log_answer_error()
        return 0

    cdef int serve(self, rhb_conn *conn) except -1:
        """Serves the lane's current request."""
        cdef Service service = self.service
        cdef Exchange exchange = self.exchange
        if exchange is None:
            exchange = self.exchange = new_exchange(service.logger, service.allow_chunked, service.named_files)
        service.requests += 1
        # first: the last response of a worker says `Connection: close`
        if RHB_FREE_THREADED_PYTHON and service.all_requests is not None:
            service.all_requests.add_one()
        elif service.requests == service.limit_at:
            service.reach_max_requests()
        exchange.start(self.loop, self.lane, conn)
        exchange.score_start()
        self.finish_or_suspend(exchange, conn, self.answer(exchange, conn))
        rhb_score_end(self.lane.score)
        if service.gc_every and service.requests % service.gc_every == 0:
            rhb_loop_enter(self.loop, self.lane)
            rhb_loop_settle(self.loop, self.lane)
            rhb_loop_leave(self.loop, self.lane)
            gc.collect()
            self.lane.due = RHB_LAP_READING
        return 0

    cdef Progress answer(self, Exchange exchange, rhb_conn *conn) except? BROKEN:
        """Makes the environ and calls the application."""
        try:
            if self.service.request_ids is not None:
                self.identify(exchange, conn)
            environ = self.environs.build(
                &self.lane.request, conn, input_of(&self.lane.request, exchange), hints_for(exchange))
            if conn.filling is not NULL:
                put_validators(environ, conn)
            if exchange.request_id is not None:
                self.service.request_ids.put(environ, exchange.request_id)
        except BaseException as error:
            return application_failed(exchange, error)
        rhb_loop_leave(self.loop, self.lane)
        if self.lane.request.framing.upgrade:
            return run_offering(exchange, self.service.app, environ, self.service.taken)
        return call_application(exchange, self.service.app, environ)

    cdef int identify(self, Exchange exchange, const rhb_conn *conn) except -1:
        exchange.request_id = None  # of the last request; the next line may fail
        exchange.request_id = self.service.request_ids.of(&self.lane.request, conn)
        return 0

    cdef int resume(self, rhb_conn *conn) except -1:
        """The client of a suspended response has read enough."""
        cdef Exchange exchange = <Exchange>conn.owner
        cdef bint isolated = exchange.context is not None
        self.resumed = exchange
        self.own_suspended(conn)
        rhb_loop_leave(self.loop, self.lane)
        self.finish_or_suspend(exchange, conn, resume_response(exchange, self.lane))
        self.resumed = None
        rhb_score_end(self.lane.score)
        if isolated and exchange.context is None:
            self.enter_context(PyContext_Copy(self.service.base_context))
        return 0

    cdef int drop(self, rhb_conn *conn) except -1:
        """The client of a suspended response has read too little for too long, or is gone."""
        cdef Exchange exchange = <Exchange>conn.owner
        cdef bint isolated = exchange.context is not None
        self.resumed = exchange
        self.own_suspended(conn)
        with cython.critical_section(exchange):
            exchange.lane = self.lane
            exchange.score_resume()  # for close()
        self.finish_or_suspend(exchange, conn, BROKEN)
        self.resumed = None
        rhb_score_end(self.lane.score)
        if isolated:
            self.enter_context(PyContext_Copy(self.service.base_context))
        return 0

    cdef int own_suspended(self, rhb_conn *conn) except -1:
        """Moves the exchange from the connection, whose reference ends, to this lane, and enters its context. The
        caller has a reference."""
        cdef Exchange exchange = <Exchange>conn.owner
        with cython.critical_section(exchange):
            conn.owner = NULL
            exchange.wait_lap(rhb_now_exact() - exchange.suspended_at)
        Py_DECREF(exchange)
        if exchange.context is not None:
            self.enter_context(exchange.context)
            exchange.context = None
        return 0

    # ---- the end of a response, or its suspension ----

    cdef int finish_or_suspend(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1:
        """After the application was called or resumed, with this progress."""
        if progress == SUSPENDED:
            if self.suspend(exchange, conn):
                return 0
            progress = BROKEN
        exchange.finish(progress)
        self.end_request(exchange, conn, progress)
        if exchange.detached:
            rhb_score_sending(self.lane.score, -1)
            exchange.score_unsent(0)
        if exchange.iterable is not None:
            self.close_iterable(exchange)
        return self.keep_or_retire(exchange)

    cdef bint suspend(self, Exchange exchange, rhb_conn *conn) except -1:
        """Parks the connection, with the exchange as its owner. False when it cannot be parked.

        A response that waits keeps the context variables that its application has set, and the requests served
        meanwhile get fresh ones: an iterator may hold a context manager open across its yields, and
        close() is still to be called.
        """
        with cython.critical_section(exchange):
            if not exchange.detached:
                rhb_score_sending(self.lane.score, 1)
            exchange.detach()
            exchange.wait_lap(0)
            exchange.suspended_at = rhb_now_exact()
            self.lane.due = RHB_LAP_READING
            exchange.score_unsent(exchange.outgoing.in_memory())
            if exchange.iterable is not None:
                exchange.context = self.context
                self.enter_context(PyContext_Copy(self.service.base_context))
            rhb_loop_enter(self.loop, self.lane)
            if not rhb_loop_suspend(self.loop, conn, <void *>exchange):
                return False
        Py_INCREF(exchange)  # the connection's; own_suspended() takes it back
        if self.exchange is exchange:
            self.exchange = None
        return True

    cdef int end_request(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1:
        """Gives the connection back to the loop."""
        rhb_loop_enter(self.loop, self.lane)
        if progress == FINISHED:
            rhb_loop_done(self.loop, conn, exchange.head.outcome.keep_alive)
        elif progress == UPGRADED or progress == SHARED:
            rhb_hand_over_end(self.loop, conn, progress == SHARED)
        else:
            rhb_loop_abort(self.loop, conn)
        return 0

    cdef int close_iterable(self, Exchange exchange) except -1:
        """After the end of the response, while interrupt() can still end it."""
        self.resumed = exchange
        rhb_loop_settle(self.loop, self.lane)
        rhb_loop_leave(self.loop, self.lane)
        exchange.close_iterable()
        self.resumed = None
        self.lane.due = RHB_LAP_READING
        return 0

    cdef int keep_or_retire(self, Exchange exchange) except -1:
        """Keeps one exchange for the next request, if the application kept no part of it."""
        if self.exchange is None or self.exchange is exchange:
            if exchange.is_reusable():
                self.exchange = exchange
                return 0
            self.exchange = None
        return retire_exchange(exchange)

    # ---- the current request, seen from outside ----

    cdef str describe_current(self):
        """Method and target of the request that is being answered; None when there is none."""
        if self.lane.current is not NULL:
            request_id = None if self.exchange is None else self.exchange.request_id
            return describe_request(&self.lane.request.head, request_id)
        if self.resumed is not None and self.resumed.running:
            return self.resumed.describe()
        return None

    # ---- an exception while serving ----

    cdef int abort(self) except -1:
        """Ends what was being answered, without a response: an exception has come out of serving, by interrupt() or
        an error of the server such as lack of memory. Does nothing when nothing was, as when the thread ends."""
        cdef Exchange exchange = self.exchange
        cdef Exchange resumed = self.resumed
        self.exchange = self.resumed = None
        if exchange is not None:
            self.abort_exchange(exchange)
        if resumed is not None:
            self.abort_exchange(resumed)
        if self.lane.current is not NULL:  # no exchange had started with it
            rhb_loop_enter(self.loop, self.lane)
            rhb_loop_abort(self.loop, self.lane.current)
        return 0

    cdef int abort_exchange(self, Exchange exchange) except -1:
        if exchange.running:
            with cython.critical_section(exchange):
                exchange.end_waits()
                exchange.running = False
            rhb_loop_enter(self.loop, self.lane)
            rhb_loop_abort(self.loop, exchange.conn)
            if exchange.detached:
                rhb_score_sending(self.lane.score, -1)
                exchange.score_unsent(0)
        exchange.close_iterable()
        return retire_exchange(exchange)

    cdef int end(self) except -1:
        """The thread serves no more."""
        self.abort()
        return PyContext_Exit(self.context)

    # ---- context variables ----

    cdef int enter_base_context(self) except -1:
        """The thread starts to serve, with a copy of the worker's context variables."""
        self.context = PyContext_Copy(self.service.base_context)
        return PyContext_Enter(self.context)

    cdef int enter_context(self, object context) except -1:
        """Replaces the context that is entered."""
        PyContext_Exit(self.context)
        self.context = context
        return PyContext_Enter(context)
