# cython: binding=False
"""A worker: the event loop of csrc driven from Python, one request after the other through the
application. rhebok.worker makes one in each worker process and calls run().

One thread polls, serves and resumes. It holds the GIL throughout, but for the two places that wait:
the loop's wait and a write() to a slow client.
"""

import gc
import io
import os

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .csrc cimport (
    RHB_CONN_BODY,
    RHB_CONN_FRESH,
    RHB_CONN_HEAD,
    RHB_CONN_IDLE,
    RHB_CONN_LINGER,
    RHB_CONN_SEND,
    RHB_EVENT_DRAINED,
    RHB_EVENT_LOST,
    RHB_EVENT_REQUEST,
    RHB_EVENT_WAIT,
    RHB_EVENT_WRITABLE,
    RHB_FORWARDED,
    RHB_LIVE_BODY,
    RHB_LIVE_CONNECTION,
    RHB_LIVE_INCOMING,
    RHB_PROXY_V1,
    RHB_PROXY_V2,
    RHB_X_FORWARDED_FOR,
    RHB_X_FORWARDED_HOST,
    RHB_X_FORWARDED_PORT,
    RHB_X_FORWARDED_PROTO,
    rhb_access_log,
    rhb_access_log_flush,
    rhb_access_log_free,
    rhb_access_log_new,
    rhb_access_log_open,
    rhb_conn,
    rhb_event,
    rhb_heap_keep,
    rhb_listener,
    rhb_live_count,
    rhb_loop,
    rhb_loop_abort,
    rhb_loop_accepts,
    rhb_loop_done,
    rhb_loop_free,
    rhb_loop_let_go,
    rhb_loop_new,
    rhb_loop_next_owner,
    rhb_loop_options,
    rhb_loop_owners,
    rhb_loop_poll,
    rhb_loop_stop,
    rhb_loop_stop_last,
    rhb_loop_suspend,
    rhb_loop_wait,
    rhb_request,
    rhb_score,
    rhb_score_end,
    rhb_score_sending,
    RHB_SCORE_SIZE,
)
from .allowed_peers cimport AllowedPeers
from .environ cimport EnvironBuilder
from .exchange cimport BROKEN, FINISHED, SUSPENDED, Exchange, Progress, live_exchanges
from .file_wrapper cimport FileWrapper
from .request_body cimport EmptyBody

from rhebok import __version__

cdef extern from "Python.h":
    object PyContext_CopyCurrent()
    object PyContext_Copy(object context)
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1

cdef uint64_t SECOND = 1_000_000_000

# Seconds.
LINGER_TIMEOUT = 2  # the one deadline that is no setting
cdef int ANY_TIME = 10**8


cdef uint64_t patience(seconds):
    """Nanoseconds of a deadline that is a setting; 0 is any time."""
    return <uint64_t>((seconds or ANY_TIME) * SECOND)


cdef rhb_access_log *compile_log(str format) except NULL:
    """Raises ValueError that names the place in the format."""
    cdef const char *error = NULL
    cdef size_t at = 0
    cdef bytes encoded = format.encode("utf-8")
    cdef rhb_access_log *log = rhb_access_log_new(encoded, &error, &at)
    if log is NULL and error is NULL:
        raise MemoryError
    if log is NULL:
        raise ValueError(f"{error.decode()} at offset {at}: {format[at:at + 20]!r}")
    return log


def check_access_logformat(format):
    """check_access_logformat(format: str) -> None

    Raises ValueError when the format has an atom that is not known or not closed.
    """
    rhb_access_log_free(compile_log(format))


def score_size():
    """score_size() -> int: bytes of one worker's slot in the scoreboard."""
    return RHB_SCORE_SIZE


def live_objects():
    """live_objects() -> dict[str, int]: counts of what is alive, by kind; all -1 but in a debug build."""
    return {
        "connections": rhb_live_count(RHB_LIVE_CONNECTION),
        "incoming bodies": rhb_live_count(RHB_LIVE_INCOMING),
        "bodies": rhb_live_count(RHB_LIVE_BODY),
        "exchanges": live_exchanges(),
    }


# The words of the settings, as csrc has them.
FORWARDED_FIELDS = {
    "x-forwarded-for": RHB_X_FORWARDED_FOR,
    "x-forwarded-proto": RHB_X_FORWARDED_PROTO,
    "x-forwarded-host": RHB_X_FORWARDED_HOST,
    "x-forwarded-port": RHB_X_FORWARDED_PORT,
    "forwarded": RHB_FORWARDED,
}
PROXY_VERSIONS = {"off": 0, "v1": RHB_PROXY_V1, "v2": RHB_PROXY_V2, "auto": RHB_PROXY_V1 | RHB_PROXY_V2}


cdef object environ_template(listener, settings, errors, bint multiprocess):
    """Every key that does not depend on the request (PEP 3333, "environ Variables")."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "RAW_URI": "",
        "REQUEST_URI": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": listener.server_name,
        "SERVER_PORT": listener.server_port,
        "SERVER_SOFTWARE": f"rhebok/{__version__}",
        "REMOTE_ADDR": "",
        "REMOTE_PORT": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": EmptyBody(),
        "wsgi.input_terminated": True,
        "wsgi.errors": errors,
        "wsgi.multithread": False,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }


cdef class Worker:
    """Worker(app, listeners, settings, *, errors, logger, wakeup_fd, max_requests, multiprocess)

    app: the WSGI application. listeners: objects with fileno(), is_unix, server_name, server_port; their
    sockets listen already and stay the caller's. settings: see docs/settings.md. errors: wsgi.errors.
    wakeup_fd: readable end of the pipe given to signal.set_wakeup_fd, or -1. max_requests: after so
    many on_limit is called, and after twice as many the worker stops by itself; without on_limit it stops at once;
    0: never. score: a writable buffer of score_size bytes, shared with the master (csrc/scoreboard.h), or None.
    timeout: seconds for a request, after which the score says that it is late; 0: any. on_last_accept is called when
    a stopping worker has accepted its last connection: the listeners may be closed then.

    Raises ValueError for a bad access log format, OSError when the loop or the log cannot be opened.
    """

    cdef rhb_loop *loop
    cdef rhb_access_log *access_log
    cdef object app
    cdef object logger
    cdef EnvironBuilder environs
    cdef Exchange spare              # for the next request
    cdef bytes server                # the loop points into it
    cdef AllowedPeers forwarded_allowed, proxy_allowed  # and into these
    cdef bint allow_chunked
    cdef uint64_t requests, max_requests, limit_at, gc_every
    cdef object on_limit, on_last_accept
    cdef object score                # keeps the memory that the loop points into
    cdef object base_context, context

    def __init__(self, app, listeners, settings, *, errors, logger, int wakeup_fd,
                 uint64_t max_requests, bint multiprocess, score=None, timeout=0, on_limit=None,
                 on_last_accept=None):
        if self.loop is not NULL:
            raise RuntimeError("a Worker is initialised once")
        self.app = app
        self.logger = logger
        self.max_requests = self.limit_at = max_requests
        self.on_limit = on_limit
        self.on_last_accept = on_last_accept
        self.gc_every = settings.oobgc
        self.allow_chunked = settings.chunked
        self.environs = EnvironBuilder(
            [environ_template(listener, settings, errors, multiprocess) for listener in listeners])
        self.make_loop(listeners, settings, wakeup_fd)
        self.environs.forwarded = &self.loop.options.forwarded
        self.open_access_log(settings)
        self.loop.access_log = self.access_log
        self.loop.request_timeout = <uint64_t>(timeout * SECOND)
        if score is not None:
            self.keep_score(score)
        self.spare = Exchange(logger, self.allow_chunked)

    def __dealloc__(self):
        rhb_loop_free(self.loop)
        rhb_access_log_free(self.access_log)

    cdef int make_loop(self, listeners, settings, int wakeup_fd) except -1:
        cdef rhb_loop_options options
        cdef rhb_listener *array
        memset(&options, 0, sizeof(options))
        options.limits.head = settings.limit_request_head
        options.limits.line = settings.limit_request_line or settings.limit_request_head
        options.limits.field = settings.limit_request_field_size or settings.limit_request_head
        options.max_fields = settings.limit_request_fields
        options.max_body = settings.limit_request_body
        options.body_buffer = settings.body_buffer
        options.timeouts[RHB_CONN_FRESH] = patience(settings.header_timeout)
        options.timeouts[RHB_CONN_HEAD] = patience(settings.header_timeout)
        options.timeouts[RHB_CONN_BODY] = patience(settings.body_timeout)
        options.timeouts[RHB_CONN_SEND] = patience(settings.send_timeout)
        options.timeouts[RHB_CONN_IDLE] = <uint64_t>(settings.keep_alive * SECOND)
        options.timeouts[RHB_CONN_LINGER] = LINGER_TIMEOUT * SECOND
        options.min_rate = settings.min_rate
        options.max_connections = settings.max_connections
        options.max_keepalive_requests = settings.max_keepalive_requests
        options.keep_alive = settings.keep_alive > 0
        self.server = settings.server_header.encode("latin-1")
        options.server = self.server
        options.server_len = len(self.server)
        self.forwarded_allowed = AllowedPeers(settings.forwarded_allow_ips)
        options.forwarded.allowed = self.forwarded_allowed.list
        options.forwarded.fields = sum(FORWARDED_FIELDS[name] for name in settings.forwarded_headers)
        self.proxy_allowed = AllowedPeers(settings.proxy_allow_ips)
        options.proxy_allowed = self.proxy_allowed.list
        options.proxy_versions = PROXY_VERSIONS[settings.proxy_protocol]
        array = <rhb_listener *>calloc(max(1, len(listeners)), sizeof(rhb_listener))
        if array is NULL:
            raise MemoryError
        try:
            for index, listener in enumerate(listeners):
                array[index].fd = listener.fileno()
                array[index].is_unix = listener.is_unix
            self.loop = rhb_loop_new(&options, array, len(listeners), wakeup_fd)
            if self.loop is NULL:
                raise OSError(errno, os.strerror(errno))
        finally:
            free(array)
        return 0

    cdef int open_access_log(self, settings) except -1:
        cdef bytes path
        cdef int result
        if settings.access_logfile is None:
            return 0
        self.access_log = compile_log(settings.access_logformat)
        if settings.access_logfile == "-":
            result = rhb_access_log_open(self.access_log, NULL, 1)
        else:
            path = os.fsencode(settings.access_logfile)
            result = rhb_access_log_open(self.access_log, path, -1)
        if result < 0:
            raise OSError(-result, os.strerror(-result), settings.access_logfile)
        return 0

    cdef int keep_score(self, score) except -1:
        cdef unsigned char[::1] memory = score
        if memory.shape[0] != RHB_SCORE_SIZE or <size_t>&memory[0] % 64:
            raise ValueError(f"score must be {RHB_SCORE_SIZE} bytes on a cache line")
        self.score = memory
        self.loop.score = <rhb_score *>&memory[0]
        return 0

    # ---- called from Python ----

    def run(self):
        """run() -> None: serves until stopped, and then until the last connection is done.

        Handlers of Python signals run inside it.
        """
        if self.gc_every:
            gc.disable()
        rhb_heap_keep(self.loop.options.body_buffer)
        self.base_context = PyContext_CopyCurrent()
        self.context = PyContext_Copy(self.base_context)
        PyContext_Enter(self.context)
        try:
            self.serve_until_drained()
        finally:
            PyContext_Exit(self.context)
            self.give_up_rest()
            self.flush_logs()

    def stop(self, last_seconds=None):
        """stop(last_seconds=None) -> None: no more connections; run() returns when those there are have been served.

        With last_seconds, those that wait in the listeners' queues now are served too, as far as they can be
        accepted within that time: for when nobody else is going to.
        """
        if last_seconds is None:
            rhb_loop_stop(self.loop)
        else:
            rhb_loop_stop_last(self.loop, <uint64_t>(last_seconds * SECOND))

    def in_progress(self):
        """in_progress() -> list[str]: method and target of the requests that are being answered, at most 32."""
        cdef void *owners[32]
        cdef size_t count = rhb_loop_owners(self.loop, owners, 32)
        names = [(<Exchange>owners[index]).describe() for index in range(count)]
        if self.loop.at_hand is not NULL:
            head = &self.loop.request.head
            names.append((head.method[:head.target + head.target_len - head.method]).decode("latin-1"))
        return names

    def flush_logs(self):
        """flush_logs() -> None: writes the access log's batch."""
        if self.access_log is not NULL:
            rhb_access_log_flush(self.access_log)

    # ---- the loop ----

    cdef int serve_until_drained(self) except -1:
        cdef rhb_conn *conn = NULL
        cdef rhb_event event
        while True:
            event = rhb_loop_poll(self.loop, &conn)
            if event == RHB_EVENT_REQUEST:
                self.serve(conn)
            elif event == RHB_EVENT_WAIT:
                if not rhb_loop_accepts(self.loop):
                    self.let_go_of_listeners()
                with nogil:
                    rhb_loop_wait(self.loop)
                PyErr_CheckSignals()
            elif event == RHB_EVENT_WRITABLE:
                self.resume(conn)
            elif event == RHB_EVENT_LOST:
                self.give_up(conn)
            elif event == RHB_EVENT_DRAINED:
                return 0
            else:
                PyErr_CheckSignals()

    cdef int let_go_of_listeners(self) except -1:
        if self.on_last_accept is not None:
            rhb_loop_let_go(self.loop)
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

    cdef int serve(self, rhb_conn *conn) except -1:
        cdef Exchange exchange = self.spare
        cdef Progress progress
        if exchange is None:
            exchange = Exchange(self.logger, self.allow_chunked)
        self.spare = None
        self.requests += 1
        if self.requests == self.limit_at:
            self.reach_limit()  # before the answer, which so says that the connection closes when it stops
        exchange.begin(self.loop, conn)
        exchange.score_begun()
        try:
            environ = self.environs.build(&self.loop.request, conn, self.input())
        except BaseException as error:
            progress = exchange.failed(error)
        else:
            progress = exchange.run(self.app, environ)
        rhb_score_end(self.loop.score)
        self.settle(exchange, conn, progress)
        if self.gc_every and self.requests % self.gc_every == 0:
            gc.collect()
        return 0

    cdef object input(self):
        """wsgi.input of the request at hand; None when it has no body."""
        cdef rhb_request *request = &self.loop.request
        cdef int fd
        if request.body_len == 0:
            return None
        if request.inline_body is not NULL:
            return io.BytesIO(request.inline_body[:request.body_len])
        if request.body.fd < 0:
            return io.BytesIO(request.body.data[:request.body_len])
        fd = request.body.fd
        request.body.fd = -1
        file = open(fd, "rb")
        file.seek(0)
        return file

    cdef int settle(self, Exchange exchange, rhb_conn *conn, Progress progress) except -1:
        """What becomes of exchange and connection after a run or a resumption."""
        if progress == SUSPENDED:
            if not exchange.detached:
                rhb_score_sending(self.loop.score, 1)
            exchange.detach()
            exchange.score_unsent(exchange.unsent())
            if exchange.iterator is not None:
                self.isolate(exchange)
            if rhb_loop_suspend(self.loop, conn, <void *>exchange):
                Py_INCREF(exchange)  # the connection's; taken back by resume and give_up
                return 0
            progress = BROKEN
            exchange.finish(progress)
        else:
            exchange.finish(progress)
            if progress == FINISHED:
                rhb_loop_done(self.loop, conn, exchange.keep_alive)
            else:
                rhb_loop_abort(self.loop, conn)
        if exchange.detached:
            rhb_score_sending(self.loop.score, -1)
            exchange.score_unsent(0)
        exchange.close_iterable()
        if not exchange.reusable():
            exchange.retire()
        elif self.spare is None:
            self.spare = exchange
        else:
            exchange.retire()
        return 0

    cdef int isolate(self, Exchange exchange) except -1:
        """An iterator that pauses keeps the context variables that its application has set, and the
        requests served meanwhile get others: it may hold a context manager open across its yields."""
        exchange.context = self.context
        self.enter_context(PyContext_Copy(self.base_context))
        return 0

    cdef int enter_context(self, object context) except -1:
        PyContext_Exit(self.context)
        self.context = context
        PyContext_Enter(context)
        return 0

    cdef Exchange owner_of(self, rhb_conn *conn):
        """The suspended exchange of a connection, with its reference and its context."""
        cdef Exchange exchange = <Exchange>conn.owner
        Py_DECREF(exchange)
        conn.owner = NULL
        if exchange.context is not None:
            self.enter_context(exchange.context)
            exchange.context = None
        return exchange

    cdef int resume(self, rhb_conn *conn) except -1:
        cdef Exchange exchange = <Exchange>conn.owner
        cdef bint isolated = exchange.context is not None
        cdef Progress progress
        exchange = self.owner_of(conn)
        exchange.score_resumed()
        progress = exchange.resume()
        rhb_score_end(self.loop.score)
        self.settle(exchange, conn, progress)
        if isolated and exchange.context is None:
            self.enter_context(PyContext_Copy(self.base_context))
        return 0

    cdef int give_up(self, rhb_conn *conn) except -1:
        """The client has not read for too long."""
        cdef Exchange exchange = self.owner_of(conn)
        return self.settle(exchange, conn, BROKEN)

    cdef int give_up_rest(self) except -1:
        """Lets go of what is still suspended when run() ends by an exception."""
        cdef void *owner = rhb_loop_next_owner(self.loop)
        cdef Exchange exchange
        while owner is not NULL:
            exchange = <Exchange>owner
            Py_DECREF(exchange)
            exchange.close_iterable()
            exchange.retire()
            owner = rhb_loop_next_owner(self.loop)
        if self.spare is not None:
            self.spare.retire()
            self.spare = None
        return 0
