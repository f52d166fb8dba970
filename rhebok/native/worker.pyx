# cython: binding=False
"""A worker: the event loop of csrc, set up from the settings, and the threads that serve from it (lane.pyx).
rhebok.serving.worker makes one in each worker process and calls run().
"""

import gc
import os
import sys

cimport cython
from cpython.ref cimport Py_DECREF
from libc.errno cimport errno
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from posix.unistd cimport close

from .access_log cimport close_reports, compile_format, new_records, new_selection, open_access_log, open_statsd
from .at_fork cimport AtFork
from .cache_setup cimport CacheSetup
from .channel_setup cimport ChannelSetup
from .csrc cimport (
    RHB_BOARD_SIZE,
    RHB_LIVE_BODY,
    RHB_LIVE_CONNECTION,
    RHB_LIVE_INCOMING,
    RHB_SCORE_SIZE,
    rhb_access_log_free,
    rhb_accept_queue_length,
    rhb_board,
    rhb_bytes,
    rhb_bytes_free,
    rhb_heap_keep,
    rhb_lane,
    rhb_live_count,
    rhb_lock_init,
    rhb_loop,
    rhb_loop_add_lane,
    rhb_loop_admit_mover,
    rhb_loop_free,
    rhb_loop_keep_mover_out,
    rhb_loop_next_owner,
    rhb_loop_order_stop,
    rhb_loop_order_stop_last,
    rhb_loop_owners,
    rhb_loop_settle,
    rhb_loop_stop,
    rhb_loop_stop_last,
    rhb_mover_start,
    rhb_mover_stop,
    rhb_now_coarse,
    rhb_records_take,
    rhb_reports,
    rhb_reports_finish,
    rhb_score,
    rhb_score_alive,
    rhb_score_main_alive,
    rhb_static_files,
    rhb_static_files_free,
)
from .early_hints cimport retire_exchange
from .error_log cimport show_queries
from .exchange cimport Exchange, live_exchanges
from .lane cimport Lane
from .loop_setup cimport LoopSetup
from .preparation cimport Preparation
from .service cimport Service
from .shared_bytes cimport shared_bytes
from .static_files cimport add_static_files
from .upgrade cimport log_cut

from rhebok.native.held_threads import HeldThreads

cdef extern from "free_threading.h":
    enum: RHB_FREE_THREADED_PYTHON

cdef extern from "Python.h":
    object PyContext_CopyCurrent()

cdef uint64_t SECOND = 1_000_000_000  # ns
cdef enum:
    MAX_NAMED = 32   # suspended responses that in_progress() names


def check_access_logformat(format):
    """check_access_logformat(format: str) -> None: raises ValueError for an atom that is not known or not closed."""
    rhb_access_log_free(compile_format(format))


def score_size():
    """score_size() -> int: bytes of one thread of a worker in the scoreboard."""
    return RHB_SCORE_SIZE


def board_size():
    """board_size() -> int: bytes of one event loop on the board."""
    return RHB_BOARD_SIZE


def accept_queue_length(int fd, bint is_unix):
    """accept_queue_length(fd: int, is_unix: bool) -> int | None: how many connections wait to be accepted from this
    listener; None where the kernel does not tell."""
    cdef uint32_t length = rhb_accept_queue_length(fd, is_unix)
    return None if length == UINT32_MAX else length


def live_objects():
    """live_objects() -> dict[str, int]: how many objects of each kind exist; all -1 in a build that does not count
    (RHEBOK_DEBUG=1 does)."""
    return {
        "connections": rhb_live_count(RHB_LIVE_CONNECTION),
        "incoming bodies": rhb_live_count(RHB_LIVE_INCOMING),
        "bodies": rhb_live_count(RHB_LIVE_BODY),
        "exchanges": live_exchanges(),
    }


cdef class Worker:
    """Worker(app, listeners, settings, *, errors, logger, wakeup_fd, max_requests, multiprocess)

    app: the WSGI application.
    listeners: objects with fileno(), is_unix, server_name, server_port. Their sockets listen; the caller closes them.
    settings: an object with the attributes of docs/settings.md.
    errors: a text stream, wsgi.errors.
    logger: a logging.Logger, for the error log.
    wakeup_fd: the readable end of the pipe given to signal.set_wakeup_fd, or -1.
    max_requests: after so many requests on_limit is called, and after twice as many the worker stops; without on_limit
        it stops after max_requests. 0: no limit.
    multiprocess: wsgi.multiprocess.
    score: None, or a writable buffer of score_size() bytes for each thread, shared with the master
        (csrc/loop/scoreboard.h).
    board: None, or with a score likewise board_size() bytes for all threads (csrc/loop/board.h). Without it, logs and
        statsd, requests are neither counted nor timed.
    timeout: seconds without progress after which the score says that a request is late, 0 for never.
    on_limit: called without arguments; see max_requests.
    on_last_accept: called without arguments when a stopping worker has accepted its last connection: the caller may
        close the listeners then.
    access_log: None, or the open file of the access log, with fd and path (None: it is not opened again after a
        rename).
    statsd: None, or where metrics go (rhebok.process.statsd.Statsd): fileno() of a connected datagram socket, the path
        of a unix socket or None, prefix, tags.
    records: None, or who handles the lines of the access log in Python (rhebok.process.access_records): format, of a
        record; line_format, of a second line for each, or None; full(kept: int), called with the bytes that wait for
        take_records().
    on_access: None, or called for each response of the application as on_access(environ, status: int, head: bytes,
        body_bytes: int, duration_ns: int).
    requests: None, or the RequestCount of all loops of the process, which has max_requests and on_limit.
    in_thread: run() is called in a thread of its own, and settings.threads such threads have a Worker each, so this one
        has one loop for one thread. stop(), interrupt() and log_cut() may then be called in any thread, at any time.
        For builds without the GIL (PEP 703).
    prepared: None, or the Preparation that was made with the same arguments; one worker takes it.
    channel, cache: None, or the rhebok.serving.channel.Channel and rhebok.serving.cache.SharedCache of the generation.
    slot: that of this worker in the scoreboard.

    Raises ValueError for a wrong access log format, peer or score, OSError when loop or access log cannot be opened.
    """

    cdef rhb_loop *loop
    cdef rhb_static_files *files     # NULL without --static
    cdef rhb_reports reports         # which points to the next two
    cdef object keeper, on_access
    cdef LoopSetup setup             # the loop points into it
    cdef ChannelSetup channel        # into this too; None: no other workers
    cdef CacheSetup cache            # likewise
    cdef Service service
    cdef tuple lanes                 # one for each thread
    cdef bint in_thread
    cdef int wake_fd                 # -1 with one thread, the main one
    cdef object threads              # HeldThreads; None with one thread, and before prepare() or run()
    cdef object score                # keeps the memory that the lanes and the loop point into

    def __cinit__(self, *arguments, **options):
        self.wake_fd = -1

    def __init__(self, app, listeners, settings, *, errors, logger, int wakeup_fd,
                 uint64_t max_requests, bint multiprocess, score=None, board=None, timeout=0, on_limit=None,
                 on_last_accept=None, access_log=None, channel=None, cache=None, slot=0,
                 statsd=None, records=None, on_access=None, requests=None, bint in_thread=False, prepared=None):
        cdef Preparation parts
        cdef size_t threads = 1 if in_thread else settings.threads
        if self.loop is not NULL:
            raise RuntimeError("a Worker is initialised once")
        if threads > 1 and RHB_FREE_THREADED_PYTHON and not sys._is_gil_enabled():
            raise RuntimeError("without the GIL the threads of a worker cannot share a loop: in_thread")
        self.in_thread = in_thread
        rhb_lock_init(&self.reports.lock)
        if in_thread or threads > 1:
            self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        parts = prepared or Preparation(
            listeners, settings, errors=errors, logger=logger, multiprocess=multiprocess, in_thread=in_thread)
        parts.take(settings)
        self.setup = parts.setup
        self.loop = self.setup.new_loop(wakeup_fd if self.wake_fd < 0 else self.wake_fd)
        self.files = add_static_files(self.loop, settings, settings.threads if in_thread else 1)
        self.reports.access_log = open_access_log(settings, access_log, errors)
        self.reports.statsd = open_statsd(statsd)
        self.reports.records = new_records(records)
        self.reports.selection = new_selection(settings)
        self.keeper, self.on_access = records, on_access
        self.set_reports()
        show_queries(settings.log_queries)
        self.loop.request_timeout = <uint64_t>(timeout * SECOND)
        self.service = parts.service
        self.service.loop, self.service.wake_fd = self.loop, self.wake_fd
        self.service.serve(app, max_requests, on_limit, on_last_accept)
        self.service.all_requests = requests
        self.lanes = parts.lanes
        self.join_lanes()
        if score is not None:
            self.use_score(score, board)
        self.loop.timed = board is not None or self.loop.reports is not NULL
        if channel is not None:
            self.channel = ChannelSetup(channel, channel.threads, slot)
            self.channel.join(self.loop)
        if cache is not None:
            self.cache = CacheSetup(cache, slot, settings.cache_entry)
            self.cache.join(self.loop)

    def __dealloc__(self):
        rhb_loop_free(self.loop)
        rhb_static_files_free(self.files)
        close_reports(&self.reports)
        if self.wake_fd >= 0:
            close(self.wake_fd)

    cdef int set_reports(self) except -1:
        self.reports.keeper = <void *>self.keeper
        if self.on_access is not None:
            self.reports.access = <void *>self.on_access
        self.reports.lines = (self.reports.access_log is not NULL or self.reports.records is not NULL
                              or self.reports.access is not NULL)
        if self.reports.lines or self.reports.statsd is not NULL:
            self.loop.reports = &self.reports
        return 0

    cdef int join_lanes(self) except -1:
        cdef rhb_lane *place = self.loop.lanes  # a loop has one from the start
        cdef Lane lane
        for lane in self.lanes:
            lane.join(self.loop, place or rhb_loop_add_lane(self.loop))
            place = NULL
        return 0

    cdef int use_score(self, score, board) except -1:
        cdef Lane lane
        cdef Py_ssize_t number
        self.score = memoryview(score), memoryview(board or b"")
        cdef unsigned char *scores = shared_bytes(self.score[0], RHB_SCORE_SIZE * len(self.lanes))
        if <size_t>scores % 64:
            raise ValueError("score must begin on a cache line")
        for number, lane in enumerate(self.lanes):
            lane.lane.score = <rhb_score *>&scores[number * RHB_SCORE_SIZE]
        if board is not None:
            self.loop.board = <rhb_board *>shared_bytes(self.score[1], RHB_BOARD_SIZE)
        return 0

    # ---- called from Python ----

    def prepare(self):
        """prepare() -> None: does what can still fail before run(): makes the threads. Raises RuntimeError or
        MemoryError when one cannot be made."""
        if self.channel is not None and not rhb_mover_start(self.loop):
            raise RuntimeError(f"can't start the mover: {os.strerror(errno)}")
        if len(self.lanes) > 1:
            self.start_threads()

    def run(self):
        """run() -> None: serves until stop(), and then until every accepted connection is answered and closed.

        Handlers of Python signals run inside it. Raises what they raise, and what ended a thread.
        """
        cdef AtFork at_fork
        if self.service.gc_every:
            gc.disable()
        rhb_heap_keep(self.loop.options.body_buffer)
        at_fork = AtFork()
        at_fork.loop = self.loop
        os.register_at_fork(before=at_fork.before, after_in_parent=at_fork.in_parent, after_in_child=at_fork.in_child)
        self.service.base_context = PyContext_CopyCurrent()
        try:
            if self.in_thread:
                (<Lane>self.lanes[0]).run_in_thread()
            elif len(self.lanes) == 1:
                (<Lane>self.lanes[0]).run_alone()
            else:
                self.run_threads()
        finally:
            rhb_mover_stop(self.loop)
            self.leave_loop()
            self.drop_suspended()
            self.flush_logs()
            at_fork.forget()

    def stop(self, last_seconds=None):
        """stop(last_seconds: float | None = None) -> None: starts a graceful stop: run() returns when all are served.

        With last_seconds, connections that wait in the listeners' queues now are served too, as far as they can be
        accepted within that time: for the end of a generation, when no other worker accepts them.
        """
        cdef uint64_t patience = 0 if last_seconds is None else <uint64_t>(last_seconds * SECOND)
        if self.in_thread and last_seconds is None:
            rhb_loop_order_stop(self.loop)
        elif self.in_thread:
            rhb_loop_order_stop_last(self.loop, patience)
        else:
            rhb_loop_keep_mover_out(self.loop)
            if last_seconds is None:
                rhb_loop_stop(self.loop)
            else:
                rhb_loop_stop_last(self.loop, patience)
            rhb_loop_admit_mover(self.loop)
        self.service.wake_sleeping_thread()

    def interrupt(self, int number, exception):
        """interrupt(number: int, exception: type[BaseException]) -> None: raises the exception in the thread of that
        number (from 0) if it has a request. For workers with several threads; returns before it is raised.
        """
        (<Lane>self.lanes[number]).interrupt(exception)

    def in_progress(self):
        """in_progress() -> list[str]: method and target of the current requests; of suspended responses at most 32."""
        cdef void *owners[MAX_NAMED]
        cdef list suspended = []
        cdef size_t count = rhb_loop_owners(self.loop, owners, MAX_NAMED)
        cdef size_t index
        cdef Lane lane
        for index in range(count):  # first: what follows may collect garbage, and so let another thread end one
            suspended.append(<Exchange>owners[index])
        names = [(<Exchange>exchange).describe() for exchange in suspended]
        for lane in self.lanes:
            name = lane.handler.describe_current()
            if name is not None:
                names.append(name)
        return names

    def log_cut(self):
        """log_cut() -> None: reports the request of each connection that an application has taken over, before the
        end of the process closes the connection."""
        log_cut(self.service.taken)

    def show_life(self, bint lives=True):
        """show_life(lives: bool = True) -> None: the main thread runs Python code, while other threads serve. lives:
        False when it does so for the last time, and no further sign is to be expected."""
        rhb_score_main_alive((<Lane>self.lanes[0]).lane.score, rhb_now_coarse() if lives else 0)

    def flush_logs(self):
        """flush_logs() -> None: writes the lines of the access log, and sends the metrics."""
        if self.loop is not NULL and self.loop.reports is not NULL:
            rhb_reports_finish(self.loop.reports)

    def take_records(self):
        """take_records() -> tuple[bytes, int]: what `records` has to handle, and how many lines were lost."""
        cdef rhb_bytes taken
        cdef uint64_t lost
        if self.reports.records is NULL:
            return b"", 0
        rhb_records_take(self.reports.records, &taken, &lost)
        try:
            return taken.data[:taken.len] if taken.len > 0 else b"", lost
        finally:
            rhb_bytes_free(&taken)

    # ---- the threads ----

    cdef int run_threads(self) except -1:
        """Lets the serving threads run and waits for their end. The main thread then only handles signals."""
        if self.threads is None:
            self.start_threads()
        self.threads.release()
        for fault in self.threads.wait(self.show_life):
            if fault is not None:
                raise fault
        return 0

    cdef int start_threads(self) except -1:
        self.threads = HeldThreads()
        for number, lane in enumerate(self.lanes, 1):
            self.threads.start(lane.run_with_others, f"rhebok-{number}")
        return 0

    cdef int leave_loop(self) noexcept:
        """From now on nobody expects a sign of life."""
        cdef Lane lane
        for lane in self.lanes:
            rhb_score_alive(lane.lane.score, 0)
            rhb_loop_settle(self.loop, lane.lane)
        rhb_score_main_alive((<Lane>self.lanes[0]).lane.score, 0)
        return 0

    cdef int drop_suspended(self) except -1:
        cdef void *owner = rhb_loop_next_owner(self.loop)
        cdef Exchange exchange
        while owner is not NULL:
            exchange = <Exchange>owner
            Py_DECREF(exchange)
            with cython.critical_section(exchange):
                exchange.running = False  # its connection is gone
            exchange.close_iterable()
            retire_exchange(exchange)
            owner = rhb_loop_next_owner(self.loop)
        return 0
