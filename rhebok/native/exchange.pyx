# cython: binding=False
"""One request and its response: the state of both, and what the application calls, start_response() and write()
(PEP 3333). application_call.pyx calls the application and sends what it returns.

Nothing here waits, except write(): what the socket does not take stays in the exchange, which owns the parked
connection until the socket is writable.

Other threads of the application may call start_response, write and early hints at any time. Without the GIL
(PEP 703) whatever reads or changes an exchange that runs is in a critical section of it, but for the calls of the
application. With the GIL such a section is nothing.

Lifetime: `loop`, `lane` and `conn` are valid between start() and finish(). start_response and write raise RuntimeError
when the application calls them after the end of the response. An exchange is used again for the next request
when the application has kept neither.
"""

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memcmp

from .access_line cimport AccessLine
from .csrc cimport (
    RHB_CONN_SEND,
    RHB_FRAME_CLOSE,
    RHB_IO_AGAIN,
    RHB_IO_ERROR,
    RHB_IO_OK,
    RHB_LAP_END,
    RHB_LAP_READING,
    RHB_LIVE_BORN,
    RHB_LIVE_DEAD,
    RHB_LIVE_EXCHANGE,
    rhb_board_count,
    rhb_bytes_free,
    rhb_caching_cares,
    rhb_head_save,
    rhb_lap_add,
    rhb_lap_end,
    rhb_lap_of,
    rhb_live_count,
    rhb_loop_enter,
    rhb_loop_may_keep,
    rhb_now_coarse,
    rhb_now_exact,
    rhb_reset_on_close,
    rhb_response_moves,
    rhb_score_began,
    rhb_score_begin,
    rhb_score_no_limit,
    rhb_score_progress,
    rhb_score_resume,
    rhb_score_unsent,
    rhb_unsent,
    rhb_wait_writable,
)
from .error_log cimport describe_request, identifiers_of, log_error
from .file_wrapper cimport close_file
from .misuse cimport raise_again, refuse_block, refuse_headers
from .response_body cimport frame_block
from .response_cache cimport ask_cache, begin_filling, gather, length_if_whole
from .response_head cimport complete_head, write_fields

cdef extern from "references.h":
    Py_ssize_t rhb_references(PyObject *o)

cdef extern from "<sys/socket.h>" nogil:
    enum: SHUT_RDWR
    int shutdown(int fd, int how)


cpdef long live_exchanges():
    """live_exchanges() -> int: how many Exchange objects exist, -1 in a build that does not count."""
    return rhb_live_count(RHB_LIVE_EXCHANGE)


@cython.final
cdef class Exchange:
    """Exchange(logger, allow_chunked, named_files=None). logger: for errors of the application. allow_chunked: whether
    a body of unknown length may be sent in chunks. named_files: NamedFiles, if the application may name some."""

    def __cinit__(self, logger, bint allow_chunked, named_files=None):
        self.logger = logger
        self.named_files = named_files
        self.allow_chunked = allow_chunked
        self.outgoing = Outgoing()
        self.access_line = AccessLine(logger)
        self.start_response_method = self.start_response
        self.write_method = self.write
        RHB_LIVE_BORN(RHB_LIVE_EXCHANGE)

    def __dealloc__(self):
        rhb_bytes_free(&self.unsent_hints)
        free(self.saved_head)
        RHB_LIVE_DEAD(RHB_LIVE_EXCHANGE)

    # ---- life ----

    cdef int start(self, rhb_loop *loop, rhb_lane *lane, rhb_conn *conn) except -1:
        """Starts with the lane's current request."""
        self.loop = loop
        self.lane = lane
        self.conn = conn
        self.running = True
        self.detached = self.client_gone = self.has_lap = self.gathers = False
        self.head.started = self.head.ended = False
        self.head.context.minor_version = lane.request.head.minor_version
        self.head.context.is_head = (lane.request.head.method_len == 4
                                     and memcmp(lane.request.head.method, <const char *>b"HEAD", 4) == 0)
        rhb_loop_enter(loop, lane)
        self.head.context.keep_alive = rhb_loop_may_keep(loop, conn)
        self.head.context.allow_chunked = self.allow_chunked
        self.head.context.server = loop.options.server
        self.head.context.server_len = loop.options.server_len
        self.body.size = self.body.left = 0
        self.outgoing.sent = self.outgoing.sent_before = 0
        if loop.reports is not NULL:
            self.access_line.started = rhb_now_exact()
        return 0

    cdef int detach(self) except -1:
        """Copies what is still needed of the request's head, before the lane goes on to another request."""
        if not self.detached:
            self.detached = True
            self.saved_head = rhb_head_save(&self.lane.request.head)
        return 0

    cdef const phr_request_head *request_head(self) noexcept:
        """The request's head; NULL when there was no memory for the copy."""
        return self.saved_head if self.detached else &self.lane.request.head

    @cython.critical_section
    cdef int finish(self, Progress progress) except -1:
        """Ends the response: writes the access log and releases everything but the iterable, which close_iterable()
        closes later. The connection is the caller's to end."""
        if progress != FINISHED or self.has_lap:
            self.end_unusually(progress)
        else:
            rhb_lap_end(self.loop, self.lane, self.head.written.status, self.outgoing.sent)
        self.running = False  # before what may run code of the application, and so its other threads
        if self.loop.reports is not NULL:
            self.log_access()
            self.access_line.environ = None
        if self.iterator is not None:
            self.iterator = None
        if self.context is not None:
            self.context = None
        self.outgoing.clear()
        if self.saved_head is not NULL:
            free(self.saved_head)
            self.saved_head = NULL
        if self.unsent_hints.len > 0:
            rhb_bytes_free(&self.unsent_hints)
        if self.named:
            self.named = False
            close_file(self.named_file)
            self.named_file = None
        return 0

    cdef int end_unusually(self, Progress progress) noexcept:
        """The first steps of finish(), but for a response that went out at once."""
        if progress == BROKEN and self.head.ended and self.body.framing == RHB_FRAME_CLOSE:
            rhb_reset_on_close(self.conn.fd)
        if progress == BROKEN:
            self.end_waits()
        self.end_other_lap()

    cdef int end_waits(self) noexcept:
        """For threads that still wait in write(): the kernel keeps their socket, and hides the close(2)."""
        if self.waiting > 0:
            shutdown(self.conn.fd, SHUT_RDWR)

    cdef int close_iterable(self) except -1:
        """Calls close() of what the application returned, exactly once, however the response ended (PEP 3333)."""
        cdef object iterable = self.iterable
        if iterable is None:
            return 0
        self.iterable = None
        try:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            log_error(self.logger, "close() of the application's iterable failed", (), error, self.identifiers())
        return 0

    cdef bint is_reusable(self):
        """Whether the application has kept neither start_response nor write."""
        return (rhb_references(<PyObject *>self.start_response_method) == 1
                and rhb_references(<PyObject *>self.write_method) == 1)

    @cython.critical_section
    cdef int retire(self) except -1:
        """Breaks the reference cycle through the bound methods."""
        self.start_response_method = self.write_method = self.hints = None
        self.access_line.environ = None  # whose wsgi.input may have this exchange
        return 0

    # ---- the board ----

    cdef int wait_lap(self, uint64_t away) noexcept:
        """It has waited for its client, for so many ns."""
        if not self.has_lap:
            self.lap = rhb_lap_of(self.loop, self.lane)
            self.has_lap = True
        self.lap.away += away

    cdef int end_other_lap(self) noexcept:
        """Counts the request; see finish() for the usual case."""
        cdef bint upgraded = self.head.ended and self.head.written.status == 101
        self.lane.due = RHB_LAP_READING if upgraded or self.has_lap else RHB_LAP_END
        if self.has_lap and not upgraded:
            rhb_lap_add(&self.lap, self.loop.board, rhb_now_exact())
        cdef int status = self.head.written.status if self.head.started or upgraded else 0
        rhb_board_count(self.loop.board, self.request_head(), status, self.outgoing.sent)

    # ---- scoreboard and access log ----

    cdef int score_start(self) noexcept:
        """From now on the request's time counts for --request-timeout."""
        cdef const phr_request_head *head = &self.lane.request.head
        rhb_score_began(self.lane.score, self.loop.read_at, &self.conn.peer)
        rhb_score_begin(self.lane.score, head.method,
                        <size_t>(head.target + head.target_len - head.method), self.loop.request_timeout)

    cdef int score_resume(self) noexcept:
        """The same when the response is resumed; the time starts again."""
        cdef const phr_request_head *head = self.request_head()
        rhb_score_began(self.lane.score, self.lap.began if self.has_lap else self.loop.read_at,
                        &self.conn.client if self.conn.has_client else &self.conn.peer)
        if head is not NULL:
            rhb_score_resume(self.lane.score, head.method,
                             <size_t>(head.target + head.target_len - head.method), self.loop.request_timeout)
        return 0

    cdef int score_progress(self) noexcept:
        """The application has sent a block or read of the body: its time starts again. A thread that outlives its
        response, or its lane's turn with it, changes nothing."""
        if self.loop.request_timeout and self.running and self.conn.owner is NULL:
            rhb_score_progress(self.lane.score, self.loop.request_timeout)

    cdef int score_unsent(self, uint64_t bytes) noexcept:
        rhb_score_unsent(self.lane.score, self.scored_unsent, bytes)
        self.scored_unsent = bytes

    cdef int log_access(self) except -1:
        cdef rhb_lap lap = self.lap if self.has_lap else rhb_lap_of(self.loop, self.lane)
        return self.access_line.report(
            self.loop, self.conn, self.request_head(), self.head.written.status, self.body.size, self.request_id, &lap)

    # ---- what the application calls ----

    @cython.critical_section
    def start_response(self, status, headers, exc_info=None):
        """start_response(status: str, headers: list[tuple[str, str]], exc_info=None) -> write (PEP 3333)

        Raises TypeError or ValueError for a status or a header that must not be sent, AssertionError for a second
        call without exc_info, exc_info's exception when the head has been sent, and RuntimeError after the end of
        the response.
        """
        if not self.running:
            raise RuntimeError("start_response() called after the response has ended")
        if self.head.started:
            if exc_info is None:
                raise AssertionError("start_response() called twice without exc_info")
            if self.head.ended:
                raise_again(exc_info)
        if type(headers) is not list:
            refuse_headers(headers)
        write_fields(&self.head, self.outgoing, status, <list>headers)
        return self.write_method

    @cython.critical_section
    def write(self, data):
        """write(data: bytes) -> None: sends a block at once (PEP 3333). The one call that waits for a slow client.

        Raises TypeError for what is not bytes, TimeoutError or another ConnectionError when the client does not read
        or is gone, and RuntimeError before start_response() and after the end of the response. That may be while
        write() waits, in a thread that outlives its response.
        """
        cdef object _held = self.write_method  # so that the exchange is not used again for another request
        if not self.running or not self.head.started:
            raise RuntimeError("write() called outside of a response")
        if type(data) is not bytes and not isinstance(data, bytes):
            refuse_block(data)
        if self.named:
            return
        if self.client_gone or self.is_pending():
            raise ConnectionError("the client has not taken what was written before")
        if PyBytes_GET_SIZE(data) > 0:
            self.put_block(data)
        self.flush_or_wait()

    cdef int flush_or_wait(self) except -1:
        """Sends everything, and waits for the client as often as that takes. Whatever lets other threads run may have
        let one end the response, and its connection with it."""
        cdef rhb_io io
        self.must_be_running()
        io = self.flush(False)
        while io == RHB_IO_AGAIN:
            self.must_be_running()
            io = self.wait_for_client()
            if io == RHB_IO_OK:
                io = self.flush(False)
        if io != RHB_IO_OK:
            self.client_gone = True
            raise ConnectionError("the client has gone away")
        self.score_progress()
        return 0

    cdef int must_be_running(self) except -1:
        if not self.running:
            raise RuntimeError("the response ended before write() could send its block")
        return 0

    cdef rhb_io wait_for_client(self) except? RHB_IO_ERROR:
        """Waits for --send-timeout at most. OK: the socket is writable. AGAIN: it is not, but the client has read
        enough meanwhile to get as long again; otherwise TimeoutError."""
        cdef uint64_t deadline = rhb_now_coarse() + self.loop.options.timeouts[RHB_CONN_SEND]
        cdef int fd = self.conn.fd
        cdef uint32_t unsent = rhb_unsent(fd)
        cdef uint64_t since
        cdef rhb_io io
        if self.conn.owner is NULL:  # not suspended: the lane is still its own
            rhb_score_no_limit(self.lane.score)  # the time is the client's, not the application's
        self.waiting += 1
        since = rhb_now_exact()
        with nogil:
            io = rhb_wait_writable(fd, deadline)
        self.wait_lap(rhb_now_exact() - since)
        self.waiting -= 1
        PyErr_CheckSignals()
        self.must_be_running()
        if self.conn.owner is NULL:
            self.score_resume()
        if io == RHB_IO_AGAIN and not rhb_response_moves(self.loop, self.conn.fd, &unsent):
            self.client_gone = True
            rhb_reset_on_close(self.conn.fd)
            raise TimeoutError("the client does not read its response")
        return io

    cdef bint is_pending(self) noexcept:
        """Whether an earlier block, or a file, is not sent yet: a write() failed, or waits in another thread."""
        return self.head.ended and (self.outgoing.is_pending() or self.outgoing.file_left > 0)

    # ---- head and body ----

    cdef bint end_head(self, int64_t body_length, int64_t in_hand) except -1:
        """Completes the head. Lengths are -1 when not known. in_hand: of the body that is next. True: a file."""
        if self.named_files is not None or self.loop.cache and rhb_caching_cares(self.conn, &self.head.written):
            return self.end_head_of_any(body_length, in_hand)
        self.put_head(body_length)
        return False

    cdef bint end_head_of_any(self, int64_t body_length, int64_t in_hand) except -1:
        cdef int64_t named = -1 if self.named_files is None else self.named_files.replace(self)
        cdef int fills = 0 if self.loop.cache is NULL else ask_cache(
            self.loop, self.lane, self.conn, &self.head, in_hand if named < 0 else -1)
        self.put_head(body_length if named < 0 else named)
        if fills:
            self.gathers = begin_filling(self.loop, self.conn, fills, named >= 0, &self.head, &self.body, self.outgoing)
        if named >= 0:
            self.named_files.put(self)
        return named >= 0

    cdef int put_head(self, int64_t body_length) except -1:
        complete_head(&self.head, self.loop, body_length, <PyObject *>self.request_id)
        self.body.framing = self.head.outcome.framing
        self.body.left = self.head.outcome.content_length
        if self.loop.reports is not NULL and self.loop.reports.lines:
            self.access_line.keep_head(&self.outgoing.out)
        if self.unsent_hints.len > 0:
            self.outgoing.put_first(&self.unsent_hints)

    cdef int put_block(self, object block) except -1:
        """Puts a block that is not empty, behind the head when it is the first. A block beyond the Content-Length is
        cut, and the iteration ends with it. Only when everything before is sent, or small."""
        if not self.head.ended and self.end_head(-1, length_if_whole(&self.head.written, block)):
            return 0
        if self.gathers:
            self.gathers = gather(self.loop, self.conn, block, &self.head)
        if frame_block(&self.body, self.outgoing, block):
            self.logger.error("response to %s is longer than its Content-Length: the rest is cut", self.describe())
            self.iterator = None
        return 0

    cdef rhb_io flush(self, bint ends) noexcept:
        """Sends what is there, once the head is complete. OK: all of it is sent. ends: see Outgoing.flush."""
        return self.outgoing.flush(self.conn.fd, ends) if self.head.ended else RHB_IO_OK

    cdef dict identifiers(self):
        return identifiers_of(self.request_head() if self.running else NULL, self.request_id)

    def describe(self):
        """describe() -> str: method, target and identifier of the request, for messages; "?" after its response."""
        cdef const phr_request_head *head = self.request_head() if self.running else NULL
        return "?" if head is NULL else describe_request(head, self.request_id)
