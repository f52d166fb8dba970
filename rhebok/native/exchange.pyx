# cython: binding=False
"""One request being answered: start_response, what the application returns, and its way to the socket
(PEP 3333). The worker begins an exchange, runs it, and resumes it whenever the client has made room.

Nothing here waits, except write(): what the socket does not take stays in the exchange, which the loop
holds as the owner of the connection until there is room.

Lifetime: `loop`, `lane` and `conn` are valid between begin() and finish(); `out` is the exchange's own. Whatever the
application kept of the exchange (start_response or write) is refused once the response has ended.
An exchange is used again for the next request when the application kept neither.
"""

import os
import stat
from io import BufferedRandom

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, PyObject
from libc.errno cimport ECONNRESET, EINVAL, ENOSYS, EPIPE, ETIMEDOUT, errno
from libc.stdint cimport uint32_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove, memset
from libc.time cimport time
from posix.unistd cimport getpid

from .csrc cimport (
    RHB_ACCESS_VARIABLES,
    RHB_CONN_SEND,
    RHB_FRAME_CHUNKED,
    RHB_FRAME_CLOSE,
    RHB_FRAME_LENGTH,
    RHB_FRAME_NONE,
    RHB_HEAD_BAD_LENGTH,
    RHB_HEAD_BAD_NAME,
    RHB_HEAD_BAD_STATUS,
    RHB_HEAD_NO_MEMORY,
    RHB_HEAD_OK,
    RHB_IO_AGAIN,
    RHB_IO_EOF,
    RHB_IO_ERROR,
    RHB_IO_OK,
    RHB_LIVE_BORN,
    RHB_LIVE_DEAD,
    RHB_LIVE_EXCHANGE,
    RHB_PEER_TEXT,
    rhb_access_entry,
    rhb_access_log_add,
    rhb_access_log_environ_key,
    rhb_bytes_append,
    rhb_bytes_free,
    rhb_bytes_put,
    rhb_bytes_reserve,
    rhb_clock_date,
    rhb_head_begin,
    rhb_head_context,
    rhb_head_end,
    rhb_head_field,
    rhb_head_outcome,
    rhb_head_result,
    rhb_head_save,
    rhb_lane,
    rhb_live_count,
    rhb_loop_enter,
    rhb_loop_may_keep,
    rhb_now_coarse,
    rhb_now_exact,
    rhb_peer,
    rhb_peer_text,
    rhb_reset_on_close,
    rhb_response_moves,
    rhb_score_begin,
    rhb_score_end,
    rhb_score_resume,
    rhb_score_unsent,
    rhb_unsent,
    rhb_wait_writable,
)
from .file_wrapper cimport FileWrapper, plain_file

from rhebok.process.forked_child import end_forked_child

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)
    PyObject *PyIter_Next(object iterator) except? NULL

cdef enum:
    COPY_LIMIT = 8192         # bytes of body that are cheaper copied behind the head than sent from where they are

cdef const char *CRLF = b"\r\n"
cdef const char *LAST_CHUNK = b"0\r\n\r\n"


cdef int refuse_text(object text, str what) except -1:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str, not {type(text).__name__}: {text!r}")
    raise ValueError(f"{what} has a character outside latin-1: {text!r}")


cdef int refuse_head(rhb_head_result result, object name, object value) except -1:
    """Raises what rhb_head_begin, rhb_head_field or rhb_head_end found wrong."""
    if result == RHB_HEAD_NO_MEMORY:
        raise MemoryError
    if result == RHB_HEAD_BAD_STATUS:
        raise ValueError(f"status must be three digits from 200, a space and a reason: {value!r}")
    if result == RHB_HEAD_BAD_NAME:
        raise ValueError(f"response header name is not a token: {name!r}")
    if result == RHB_HEAD_BAD_LENGTH:
        raise ValueError(f"Content-Length is not one number of bytes: {value!r}")
    raise ValueError(f"value of response header {name!r} has a control character: {value!r}")


cpdef long live_exchanges():
    """The count of Exchange objects, -1 in a build that does not count."""
    return rhb_live_count(RHB_LIVE_EXCHANGE)


cdef class Exchange:
    """Exchange(logger, allow_chunked)"""

    def __cinit__(self, logger, bint allow_chunked):
        self.logger = logger
        self.allow_chunked = allow_chunked
        self.outgoing = Outgoing()
        self.pid = getpid()  # a system call, so not for each line of the access log
        self.start_response_method = self.start_response
        self.write_method = self.write
        RHB_LIVE_BORN(RHB_LIVE_EXCHANGE)

    def __dealloc__(self):
        rhb_bytes_free(&self.early)
        rhb_bytes_free(&self.logged_head)
        free(self.saved_head)
        RHB_LIVE_DEAD(RHB_LIVE_EXCHANGE)

    # ---- life ----

    cdef int begin(self, rhb_loop *loop, rhb_lane *lane, rhb_conn *conn) except -1:
        """Takes up the lane's request at hand."""
        self.loop = loop
        self.lane = lane
        self.conn = conn
        self.running = True
        self.minor_version = lane.request.head.minor_version
        self.is_head = (lane.request.head.method_len == 4
                        and memcmp(lane.request.head.method, <const char *>b"HEAD", 4) == 0)
        rhb_loop_enter(loop, lane)
        self.may_keep = rhb_loop_may_keep(loop, conn)
        self.head_started = self.head_ended = self.outgoing.on_wire = self.client_gone = self.detached = False
        self.body_sent = self.left = 0
        if loop.access_log is not NULL:
            self.started = rhb_now_exact()
        return 0

    cdef Progress run(self, object application, dict environ):
        """Calls the application and sends what it returns, as far as the socket takes it."""
        if self.loop.access_log is not NULL:
            self.environ = environ
        try:
            self.take(application(environ, self.start_response_method))
            return self.advance()
        except BaseException as error:
            return self.failed(error)

    cdef int detach(self) except -1:
        """Before the loop goes on to other requests: keeps what is still needed of this one's head."""
        if not self.detached:
            self.detached = True
            self.saved_head = rhb_head_save(&self.lane.request.head)
        return 0

    cdef const phr_request_head *request_head(self) noexcept:
        """The request's head; NULL when there was no memory to keep it."""
        return self.saved_head if self.detached else &self.lane.request.head

    cdef Progress resume(self, rhb_lane *lane):
        """Goes on where the socket was full, perhaps in another thread."""
        self.lane = lane
        self.score_resumed()
        try:
            return self.advance()
        except BaseException as error:
            return self.failed(error)

    cdef int score_begun(self) noexcept:
        """The application has the request from now on."""
        cdef const phr_request_head *head = &self.lane.request.head
        rhb_score_begin(self.lane.score, head.method,
                        <size_t>(head.target + head.target_len - head.method), self.loop.request_timeout)
        return 0

    cdef int score_resumed(self) noexcept:
        """The same where it goes on, with its time from the start."""
        cdef const phr_request_head *head = self.request_head()
        if head is not NULL:
            rhb_score_resume(self.lane.score, head.method,
                             <size_t>(head.target + head.target_len - head.method), self.loop.request_timeout)
        return 0

    cdef int score_unsent(self, uint64_t now) noexcept:
        """So many bytes wait for the client."""
        rhb_score_unsent(self.lane.score, self.noted, now)
        self.noted = now
        return 0

    cdef int finish(self, Progress progress) except -1:
        """The last word: logs the access, and lets go of everything but the iterable, whose close() is
        left to close_iterable(). The connection is not touched."""
        if progress == BROKEN and self.head_ended and self.framing == RHB_FRAME_CLOSE:
            rhb_reset_on_close(self.conn.fd)
        if self.loop.access_log is not NULL:
            self.log_access()
        self.running = False
        if self.iterator is not None:
            self.iterator = None
        if self.environ is not None:
            self.environ = None
        if self.context is not None:
            self.context = None
        self.outgoing.clear()
        if self.saved_head is not NULL:
            free(self.saved_head)
            self.saved_head = NULL
        if self.early.len > 0:
            rhb_bytes_free(&self.early)
        return 0

    cdef int end_in_child(self, object error) except -1:
        """The application has returned, or raised, in a process that it forked. Does not return."""
        end_forked_child(self.logger, self.describe(), error)
        return 0

    cdef int close_iterable(self) except -1:
        """PEP 3333: close() exactly once, whatever happened."""
        cdef object iterable = self.iterable
        if iterable is None:
            return 0
        self.iterable = None
        try:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self.report("close() of the application's iterable failed", (), error)
        return 0

    cdef bint reusable(self):
        """Whether nobody outside can reach this exchange any more."""
        return (Py_REFCNT(<PyObject *>self.start_response_method) == 1
                and Py_REFCNT(<PyObject *>self.write_method) == 1)

    cdef int retire(self) except -1:
        """Breaks the cycle through the bound methods; whoever still has one finds the response ended."""
        self.start_response_method = self.write_method = self.hints = None
        return 0

    # ---- what the application calls ----

    def start_response(self, status, headers, exc_info=None):
        """start_response(status, headers, exc_info=None) -> write

        Raises TypeError or ValueError for a status or a header that must not be sent, and exc_info's
        exception when the head is already out.
        """
        if not self.running:
            raise RuntimeError("start_response() called after the response has ended")
        if self.head_started:
            if exc_info is None:
                raise AssertionError("start_response() called twice without exc_info")
            if self.head_ended:
                try:
                    raise exc_info[1].with_traceback(exc_info[2])
                finally:
                    exc_info = None
        if type(headers) is not list:
            raise TypeError(f"response headers must be a list, not {type(headers).__name__}")
        self.head_started = False
        self.compose(status, <list>headers)
        self.head_started = True
        return self.write_method

    def write(self, data):
        """write(data): sends a block at once. The one call that waits for a slow client."""
        cdef rhb_io io
        cdef uint64_t deadline
        cdef uint32_t unsent
        if not self.running or not self.head_started:
            raise RuntimeError("write() called outside of a response")
        if type(data) is not bytes and not isinstance(data, bytes):
            raise TypeError(f"write() takes bytes, not {type(data).__name__}")
        if self.client_gone or self.is_pending():
            raise ConnectionError("the client has not taken what was written before")
        if PyBytes_GET_SIZE(data) > 0:
            self.put_block(data)
        io = self.flush(False)
        while io == RHB_IO_AGAIN:
            deadline = rhb_now_coarse() + self.loop.options.timeouts[RHB_CONN_SEND]
            unsent = rhb_unsent(self.conn.fd)
            rhb_score_end(self.lane.score)  # the time is the client's, not the application's
            with nogil:
                io = rhb_wait_writable(self.conn.fd, deadline)
            PyErr_CheckSignals()
            self.score_resumed()
            if io == RHB_IO_AGAIN and not rhb_response_moves(self.loop, self.conn.fd, &unsent):
                self.client_gone = True
                rhb_reset_on_close(self.conn.fd)
                raise TimeoutError("the client does not read its response")
            if io == RHB_IO_OK:
                io = self.flush(False)
        if io != RHB_IO_OK:
            self.client_gone = True
            raise ConnectionError("the client has gone away")

    cdef bint is_pending(self) noexcept:
        """Whether something that was put on its way has not gone out: an earlier write() was given up, or waits in
        another thread. A block behind it would take its place."""
        return self.head_ended and self.outgoing.is_pending()

    # ---- the head ----

    cdef int compose(self, object status, list headers) except -1:
        """Writes status line and fields into out; the rest of the head waits for the body's framing."""
        cdef const char *name = NULL
        cdef const char *value = NULL
        cdef size_t name_len = 0, value_len = 0
        cdef rhb_head_result result
        cdef object field, field_name, field_value
        self.outgoing.out.len = self.outgoing.out_at = 0
        latin1(status, "status", &value, &value_len)
        result = rhb_head_begin(&self.head, &self.outgoing.out, value, value_len)
        if result != RHB_HEAD_OK:
            refuse_head(result, None, status)
        for field in headers:
            if type(field) is not tuple or len(<tuple>field) != 2:
                raise TypeError(f"a response header must be a tuple of name and value: {field!r}")
            field_name, field_value = <tuple>field
            latin1(field_name, "response header name", &name, &name_len)
            latin1(field_value, "response header value", &value, &value_len)
            result = rhb_head_field(&self.head, name, name_len, value, value_len)
            if result != RHB_HEAD_OK:
                refuse_head(result, field_name, field_value)
        return 0

    cdef int end_head(self, object body_length) except -1:
        """Decides the framing and completes the head. body_length in bytes, None when it is not known."""
        cdef rhb_head_context context
        cdef rhb_head_outcome outcome
        cdef rhb_head_result result
        if not self.head_started:
            raise AssertionError("the application did not call start_response() before its first block")
        context.minor_version = self.minor_version
        context.is_head = self.is_head
        context.keep_alive = self.may_keep and not self.loop.stopping  # the application may have taken a while
        context.allow_chunked = self.allow_chunked
        context.body_length = -1 if body_length is None else body_length
        context.date = rhb_clock_date(&self.loop.clock)
        context.server = self.loop.options.server
        context.server_len = self.loop.options.server_len
        result = rhb_head_end(&self.head, &context, &outcome)
        if result != RHB_HEAD_OK:
            refuse_head(result, "Content-Length", None)
        self.head_ended = True
        self.framing = outcome.framing
        self.left = outcome.content_length
        self.keep_alive = outcome.keep_alive
        if self.loop.access_log is not NULL:
            self.logged_head.len = 0
            rhb_bytes_append(&self.logged_head, self.outgoing.out.data, self.outgoing.out.len)
        if self.early.len > 0:
            self.put_early()
        return 0

    cdef int put_early(self) except -1:
        """Puts what is left of early hints before the head."""
        if not rhb_bytes_reserve(&self.outgoing.out, self.early.len):
            raise MemoryError
        memmove(self.outgoing.out.data + self.early.len, self.outgoing.out.data, self.outgoing.out.len)
        memcpy(self.outgoing.out.data, self.early.data, self.early.len)
        self.outgoing.out.len += self.early.len
        return 0

    # ---- the body ----

    cdef int take(self, object result) except -1:
        """Looks at what the application returned, and puts what is known at once on its way."""
        cdef type kind = type(result)
        if self.loop.forked:
            self.end_in_child(None)
        if kind is list or kind is tuple:
            if self.head_ended:  # write() came first
                self.iterator = iter(result)
            else:
                self.take_all(result)
            return 0
        self.iterable = result
        if kind is FileWrapper and not self.head_ended and self.take_file(result):
            return 0
        self.iterator = iter(result)
        return 0

    cdef int take_all(self, object blocks) except -1:
        """A list or tuple: its length is known, and all of it can go out in one writev."""
        cdef Py_ssize_t total = 0
        cdef object block
        for block in blocks:
            if type(block) is not bytes and not isinstance(block, bytes):
                raise TypeError(f"the application's response holds {type(block).__name__}, not bytes")
            total += PyBytes_GET_SIZE(block)
        self.end_head(total)
        if self.framing == RHB_FRAME_NONE:
            return 0
        if self.framing == RHB_FRAME_LENGTH and <size_t>total != self.left:
            self.iterator = iter(blocks)  # cut or completed block by block
            return 0
        self.left = 0
        self.body_sent = <uint64_t>total
        if total > COPY_LIMIT:
            self.outgoing.put_pieces(list(blocks), <uint64_t>total)
            return 0
        if not rhb_bytes_reserve(&self.outgoing.out, <size_t>total):
            raise MemoryError
        for block in blocks:
            rhb_bytes_put(&self.outgoing.out, PyBytes_AS_STRING(block), <size_t>PyBytes_GET_SIZE(block))
        return 0

    cdef bint take_file(self, object wrapper) except -1:
        """A wrapped file, for sendfile. False when it is no regular file: it is iterated then."""
        cdef object size, position
        file = plain_file((<FileWrapper>wrapper).filelike)
        if file is None:
            return False
        try:
            descriptor = file.fileno()
            if type(file) is BufferedRandom:
                file.flush()  # what has been written to it may not have reached the file
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return False
            position = file.tell()
        except (OSError, ValueError):
            return False
        size = max(0, status.st_size - position)
        if size == 0:  # nothing to send, or a file of /proc that has no size until it is read
            return False
        self.end_head(size)
        if self.framing == RHB_FRAME_NONE:
            return True
        if self.framing != RHB_FRAME_LENGTH:  # sendfile knows no chunks
            return False
        self.outgoing.file = descriptor
        self.outgoing.file_at = position
        self.outgoing.file_left = min(<object>self.left, size)
        return True

    cdef Progress advance(self) except *:
        """Sends what is there, fetches the next block, and so on until the end or a full socket."""
        cdef rhb_io io
        while True:
            io = self.flush(self.iterator is None and not self.keep_alive)
            if io == RHB_IO_OK and self.outgoing.file_left > 0:
                io = self.advance_file()
            if io == RHB_IO_AGAIN:
                return BROKEN if self.client_gone else SUSPENDED
            if io != RHB_IO_OK:
                return BROKEN
            if self.iterator is None:
                return self.at_end()
            self.next_block()

    cdef int next_block(self) except -1:
        """Puts the iterator's next block on its way, or what stands after the last."""
        cdef PyObject *item = PyIter_Next(self.iterator)
        cdef object block
        if self.loop.forked:
            self.end_in_child(None)
        if item is NULL:
            self.iterator = None
            return self.put_last()
        block = <object>item
        Py_DECREF(block)
        if type(block) is not bytes and not isinstance(block, bytes):
            raise TypeError(f"the application's response yielded {type(block).__name__}, not bytes")
        if PyBytes_GET_SIZE(block) == 0:
            return 0
        self.put_block(block)
        if self.head_ended and self.framing == RHB_FRAME_NONE:
            self.iterator = None
        return 0

    cdef int put_last(self) except -1:
        """The iterator is exhausted."""
        if not self.head_ended:
            self.end_head(0)
        elif self.framing == RHB_FRAME_CHUNKED:
            if not rhb_bytes_append(&self.outgoing.out, LAST_CHUNK, 5):
                raise MemoryError
        return 0

    cdef Progress at_end(self):
        """Everything is sent: was it everything that was promised?"""
        if self.client_gone:  # and write() has said so to an application that did not listen
            return BROKEN
        if self.framing == RHB_FRAME_LENGTH and self.left > 0:
            self.logger.error(
                "response to %s ended %d bytes short of its Content-Length", self.describe(), self.left)
            return BROKEN
        return FINISHED

    cdef object within_length(self, object block, size_t size):
        """What of block still fits into the Content-Length; the iteration ends with it when it is cut."""
        if size <= self.left:
            return block
        self.logger.error("response to %s is longer than its Content-Length: the rest is cut", self.describe())
        self.iterator = None
        return PyBytes_AS_STRING(block)[:self.left]

    cdef int put_block(self, object block) except -1:
        """Puts a block that is not empty on its way: head first where it has not gone, framed as the
        head says. Only when everything before is sent, or small."""
        cdef size_t size
        cdef char size_line[24]
        cdef int size_line_len = 0
        if not self.head_ended:
            self.end_head(None)
        if self.framing == RHB_FRAME_NONE:
            return 0
        if self.framing == RHB_FRAME_LENGTH:
            block = self.within_length(block, <size_t>PyBytes_GET_SIZE(block))
        size = <size_t>PyBytes_GET_SIZE(block)
        self.body_sent += size
        if self.framing == RHB_FRAME_LENGTH:
            self.left -= size
        elif self.framing == RHB_FRAME_CHUNKED:
            size_line_len = snprintf(size_line, sizeof(size_line), "%zx\r\n", size)
        if not rhb_bytes_reserve(&self.outgoing.out, <size_t>size_line_len + (size + 2 if size <= COPY_LIMIT else 0)):
            raise MemoryError
        rhb_bytes_put(&self.outgoing.out, size_line, <size_t>size_line_len)
        if size > COPY_LIMIT:
            self.outgoing.put_pieces([block], size)
            self.outgoing.tail = CRLF
            self.outgoing.tail_len = 2 if size_line_len else 0
            return 0
        rhb_bytes_put(&self.outgoing.out, PyBytes_AS_STRING(block), size)
        if size_line_len:
            rhb_bytes_put(&self.outgoing.out, CRLF, 2)
        return 0

    # ---- the socket ----

    cdef rhb_io flush(self, bint ends) noexcept:
        """Sends what is there, once the head is whole. OK: all of it is gone. ends: see Outgoing.flush."""
        return self.outgoing.flush(self.conn.fd, ends) if self.head_ended else RHB_IO_OK

    cdef rhb_io advance_file(self) except *:
        cdef uint64_t moved
        cdef rhb_io io = self.outgoing.send_file(self.conn.fd, &moved)
        self.left -= moved
        self.body_sent += moved
        if io == RHB_IO_EOF:  # it has shrunk; at_end() sees what is missing
            self.outgoing.file_left = 0
            return RHB_IO_OK
        if io == RHB_IO_ERROR:
            return self.sendfile_failed(errno)
        return io

    cdef rhb_io sendfile_failed(self, int error) except *:
        """The fault is the call's, the client's, or the file's, which nobody else would speak of."""
        if error == EINVAL or error == ENOSYS:
            return self.read_file_instead()
        if error not in (EPIPE, ECONNRESET, ETIMEDOUT):
            self.logger.error("the file of the response to %s cannot be sent: %s", self.describe(), os.strerror(error))
        return RHB_IO_ERROR

    cdef rhb_io read_file_instead(self) except *:
        """sendfile(2) does not work for this file, or at all: what is left of it is read block by block."""
        self.outgoing.file_left = 0
        plain_file((<FileWrapper>self.iterable).filelike).seek(self.outgoing.file_at)
        self.iterator = iter(self.iterable)
        return RHB_IO_OK

    # ---- when things go wrong, and afterwards ----

    cdef Progress failed(self, object error):
        """The application raised. A 500 when nothing has gone out yet, otherwise a broken connection."""
        if self.loop.forked:
            self.end_in_child(error)
        if self.client_gone:
            self.logger.debug("the client went away during write(), request %s", self.describe())
        else:
            self.report("error in the application, request %s", (self.describe(),), error)
        self.iterator = None
        self.outgoing.drop_body()
        if self.outgoing.on_wire or self.client_gone:
            return BROKEN
        try:
            self.head_started = self.head_ended = False
            self.body_sent = 0
            self.compose("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            self.head_started = True
            self.take_all((b"Internal Server Error\n",))
            return self.advance()
        except BaseException as second:
            self.report("the answer 500 failed", (), second)
            return BROKEN

    cdef int report(self, str message, tuple arguments, object error) except -1:
        """An error and its traceback. Writing them calls what others have written, and may be what --timeout
        interrupts: whatever happens there, the worker lives."""
        try:
            self.logger.error(message, *arguments, exc_info=error)
        except BaseException:
            pass
        return 0

    def describe(self):
        """Method and target, for messages: a target may have bytes that a terminal takes for controls."""
        cdef const phr_request_head *head = self.request_head() if self.running else NULL
        if head is NULL:
            return "?"
        method = head.method[:head.method_len].decode("latin-1")
        target = head.target[:head.target_len].decode("ascii", "backslashreplace")
        return f"{method} {target}"

    cdef bytes logged_variable(self, str key):
        """An environ variable's text for the access log. What the application put there may have none."""
        if self.environ is None:
            return b""
        try:
            return str(self.environ.get(key, "")).encode("utf-8", "backslashreplace")
        except BaseException as error:
            self.report("environ[%r] has no text for the access log", (key,), error)
            return b""

    cdef int log_access(self) except -1:
        cdef rhb_access_entry entry
        cdef char peer[RHB_PEER_TEXT]
        cdef const rhb_peer *client = &self.conn.client if self.conn.has_client else &self.conn.peer
        cdef const char *values[RHB_ACCESS_VARIABLES]
        cdef size_t sizes[RHB_ACCESS_VARIABLES]
        cdef list held = []
        memset(&entry, 0, sizeof(entry))
        entry.request = self.request_head()
        entry.peer = peer
        entry.peer_len = rhb_peer_text(client, peer)
        self.conn.has_client = False
        entry.status = self.head.status
        entry.body_bytes = self.body_sent
        entry.response_head = self.logged_head.data
        entry.response_head_len = self.logged_head.len
        entry.environ = values
        entry.environ_len = sizes
        entry.pid = self.pid
        entry.duration_ns = rhb_now_exact() - self.started
        entry.finished = time(NULL)
        for index in range(RHB_ACCESS_VARIABLES):
            key = rhb_access_log_environ_key(self.loop.access_log, index)
            if key is NULL:
                break
            encoded = self.logged_variable(key.decode("latin-1"))
            held.append(encoded)
            values[index] = encoded
            sizes[index] = len(encoded)
        rhb_access_log_add(self.loop.access_log, &entry)
        return 0
