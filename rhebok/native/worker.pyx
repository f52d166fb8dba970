# cython: binding=False
"""A worker: the event loop of csrc, set up from the settings, and the threads that serve from it (serving.pyx).
rhebok.serving.worker makes one in each worker process and calls run().
"""

import gc
import os
import threading

from cpython.ref cimport Py_DECREF
from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.unistd cimport close

from .csrc cimport (
    RHB_CONN_BODY,
    RHB_CONN_FRESH,
    RHB_CONN_HEAD,
    RHB_CONN_IDLE,
    RHB_CONN_LINGER,
    RHB_CONN_SEND,
    RHB_FORWARDED,
    RHB_LIVE_BODY,
    RHB_LIVE_CONNECTION,
    RHB_LIVE_INCOMING,
    RHB_PROXY_V1,
    RHB_PROXY_V2,
    RHB_SCORE_SIZE,
    RHB_X_FORWARDED_FOR,
    RHB_X_FORWARDED_HOST,
    RHB_X_FORWARDED_PORT,
    RHB_X_FORWARDED_PROTO,
    phr_request_head,
    rhb_access_log,
    rhb_access_log_flush,
    rhb_access_log_free,
    rhb_access_log_new,
    rhb_access_log_open,
    rhb_heap_keep,
    rhb_listener,
    rhb_live_count,
    rhb_loop,
    rhb_loop_add_lane,
    rhb_loop_forked,
    rhb_loop_free,
    rhb_loop_new,
    rhb_loop_next_owner,
    rhb_loop_options,
    rhb_loop_owners,
    rhb_loop_stop,
    rhb_loop_stop_last,
    rhb_score,
)
from .allowed_peers cimport AllowedPeers
from .early_hints cimport retire_exchange
from .exchange cimport Exchange, live_exchanges
from .file_wrapper cimport FileWrapper
from .request_body cimport EmptyBody, bytes_memory
from .serving cimport Lane, Service

from rhebok import __version__

cdef extern from "Python.h":
    object PyContext_CopyCurrent()

cdef uint64_t SECOND = 1_000_000_000

# Seconds.
LINGER_TIMEOUT = 2  # the one deadline that is no setting
LARGE_BODY = 128 * 1024  # bytes
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
    """score_size() -> int: bytes that one thread of a worker takes in the scoreboard."""
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
    template = {
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
        "wsgi.multithread": settings.threads > 1,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    if settings.early_hints:
        template["wsgi.early_hints"] = None  # each request's own, by environ.pyx
    return template


cdef class AtFork:
    """What is done when the application forks. An object of its own, with `loop` only while that runs, since
    os.register_at_fork keeps its callbacks for ever."""

    cdef rhb_loop *loop

    def in_parent(self):
        """in_parent() -> None: from now on a child may hold what the worker closes."""
        if self.loop is not NULL:
            self.loop.forks = True

    def in_child(self):
        """in_child() -> None: see rhb_loop_forked."""
        if self.loop is not NULL:
            rhb_loop_forked(self.loop)


cdef class Worker:
    """Worker(app, listeners, settings, *, errors, logger, wakeup_fd, max_requests, multiprocess)

    app: the WSGI application. listeners: objects with fileno(), is_unix, server_name, server_port; their
    sockets listen already and stay the caller's. settings: see docs/settings.md. errors: wsgi.errors.
    wakeup_fd: readable end of the pipe given to signal.set_wakeup_fd, or -1. max_requests: after so
    many on_limit is called, and after twice as many the worker stops by itself; without on_limit it stops at once;
    0: never. score: a writable buffer of score_size bytes for each thread, shared with the master
    (csrc/loop/scoreboard.h), or None. timeout: seconds for a request, after which the score says that it is late; 0: any.
    on_last_accept is called when a stopping worker has accepted its last connection: the listeners may be closed then.

    Raises ValueError for a bad access log format, OSError when the loop or the log cannot be opened.
    """

    cdef rhb_loop *loop
    cdef rhb_access_log *access_log
    cdef Service service
    cdef tuple lanes                 # one a thread
    cdef bytes server                # the loop points into it
    cdef AllowedPeers forwarded_allowed, proxy_allowed  # and into these
    cdef int kick_fd                 # -1 with one thread
    cdef object score                # keeps the memory that the lanes point into

    def __cinit__(self, *arguments, **options):
        self.kick_fd = -1

    def __init__(self, app, listeners, settings, *, errors, logger, int wakeup_fd,
                 uint64_t max_requests, bint multiprocess, score=None, timeout=0, on_limit=None,
                 on_last_accept=None):
        if self.loop is not NULL:
            raise RuntimeError("a Worker is initialised once")
        if settings.threads > 1:
            self.kick_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.make_loop(listeners, settings, wakeup_fd if settings.threads == 1 else self.kick_fd)
        self.open_access_log(settings)
        self.loop.access_log = self.access_log
        self.loop.request_timeout = <uint64_t>(timeout * SECOND)
        self.service = Service(app, logger, settings, max_requests, on_limit, on_last_accept)
        self.service.loop = self.loop
        self.service.kick_fd = self.kick_fd
        templates = [environ_template(listener, settings, errors, multiprocess) for listener in listeners]
        self.lanes = tuple([self.make_lane(number, templates) for number in range(settings.threads)])
        if score is not None:
            self.keep_score(score)

    def __dealloc__(self):
        rhb_loop_free(self.loop)
        rhb_access_log_free(self.access_log)
        if self.kick_fd >= 0:
            close(self.kick_fd)

    cdef Lane make_lane(self, int number, templates):
        cdef Lane lane = Lane(self.service, templates)
        lane.own = self.loop.lanes if number == 0 else rhb_loop_add_lane(self.loop)
        if lane.own is NULL:
            raise MemoryError
        lane.environs.forwarded = &self.loop.options.forwarded
        return lane

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
        options.body_memory = &bytes_memory
        options.large_body = LARGE_BODY
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
        cdef Lane lane
        if memory.shape[0] != <Py_ssize_t>(RHB_SCORE_SIZE * len(self.lanes)) or <size_t>&memory[0] % 64:
            raise ValueError(f"score must be {RHB_SCORE_SIZE} bytes for each thread, on a cache line")
        self.score = memory
        for number, lane in enumerate(self.lanes):
            lane.own.score = <rhb_score *>&memory[number * RHB_SCORE_SIZE]
        return 0

    # ---- called from Python ----

    def run(self):
        """run() -> None: serves until stopped, and then until the last connection is done.

        Handlers of Python signals run inside it.
        """
        cdef AtFork at_fork
        if self.service.gc_every:
            gc.disable()
        rhb_heap_keep(self.loop.options.body_buffer)
        at_fork = AtFork()
        at_fork.loop = self.loop
        os.register_at_fork(after_in_parent=at_fork.in_parent, after_in_child=at_fork.in_child)
        self.service.base_context = PyContext_CopyCurrent()
        try:
            if len(self.lanes) == 1:
                (<Lane>self.lanes[0]).run_alone()
            else:
                self.run_threads()
        finally:
            self.give_up_rest()
            self.flush_logs()
            at_fork.loop = NULL

    def stop(self, last_seconds=None):
        """stop(last_seconds=None) -> None: no more connections; run() returns when those there are have been served.

        With last_seconds, those that wait in the listeners' queues now are served too, as far as they can be
        accepted within that time: for when nobody else is going to.
        """
        if last_seconds is None:
            rhb_loop_stop(self.loop)
        else:
            rhb_loop_stop_last(self.loop, <uint64_t>(last_seconds * SECOND))
        self.service.kick()

    def interrupt(self, int number, exception):
        """interrupt(number: int, exception: type[BaseException]) -> None: raises it in the thread of that number (from
        0) when it is at a request. Of several threads; returns before it is raised.
        """
        (<Lane>self.lanes[number]).interrupt(exception)

    def in_progress(self):
        """in_progress() -> list[str]: method and target of the requests that are being answered; of those that wait
        for their clients at most 32."""
        cdef void *owners[32]
        cdef list waiting = []
        cdef size_t count = rhb_loop_owners(self.loop, owners, 32)
        cdef size_t index
        cdef Lane lane
        cdef const phr_request_head *head
        for index in range(count):  # first: what follows may collect garbage, and so let another thread end one
            waiting.append(<Exchange>owners[index])
        names = [(<Exchange>exchange).describe() for exchange in waiting]
        for lane in self.lanes:
            if lane.own.current is not NULL:
                head = &lane.own.request.head
                line = head.method[:head.target + head.target_len - head.method]
                names.append(line.decode("ascii", "backslashreplace"))
            elif lane.current is not None and lane.current.running:
                names.append(lane.current.describe())
        return names

    def log_cut(self):
        """log_cut() -> None: a line in the access log for each connection that an application has taken over, before
        the process and with it the connection ends."""
        cdef Lane lane
        cdef Exchange exchange
        if self.access_log is NULL:
            return
        for lane in self.lanes:
            exchange = lane.exchange
            if exchange is None or not exchange.running or exchange.conn.fd >= 0:
                continue
            exchange.log_cut()

    def flush_logs(self):
        """flush_logs() -> None: writes the access log's batch."""
        if self.access_log is not NULL:
            rhb_access_log_flush(self.access_log)

    # ---- the threads ----

    cdef int run_threads(self) except -1:
        """The main thread has nothing but the signals, until all others have ended."""
        cdef list ended = []  # for each thread, what it ended with
        all_ended = threading.Event()
        count = len(self.lanes)

        def run(lane):
            fault = None
            try:
                lane.run_in_turns()
            except BaseException as error:
                fault = error
            ended.append(fault)
            if len(ended) == count:
                all_ended.set()

        for number, lane in enumerate(self.lanes, 1):
            threading.Thread(target=run, args=(lane,), name=f"rhebok-{number}", daemon=True).start()
        all_ended.wait()
        for fault in ended:
            if fault is not None:
                raise fault
        return 0

    cdef int give_up_rest(self) except -1:
        """Lets go of what is still suspended when run() ends by an exception."""
        cdef void *owner = rhb_loop_next_owner(self.loop)
        cdef Exchange exchange
        while owner is not NULL:
            exchange = <Exchange>owner
            Py_DECREF(exchange)
            exchange.running = False  # its connection is gone
            exchange.close_iterable()
            retire_exchange(exchange)
            owner = rhb_loop_next_owner(self.loop)
        return 0
