# cython: binding=False
"""Calling the application, and sending what it returns (PEP 3333): a list, a file or any iterable of bytes.

The request handler calls call_application() for each request, and resume_response() each time that the client of a
suspended response has read enough. Nothing here waits for the client: a full socket suspends the response.
"""

import os

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, PyObject
from libc.errno cimport ECONNRESET, EINVAL, ENOSYS, EPIPE, ETIMEDOUT, errno
from libc.stdint cimport uint64_t

from .csrc cimport (
    RHB_FRAME_LENGTH,
    RHB_FRAME_NONE,
    RHB_IO_AGAIN,
    RHB_IO_ERROR,
    RHB_IO_OK,
    rhb_caching_give_up,
    rhb_io,
    rhb_lane,
)
from .error_log cimport log_error
from .exchange cimport BROKEN, FINISHED, SUSPENDED, Exchange, Progress
from .file_wrapper cimport FileWrapper, plain_file, regular_file
from .observed_result cimport ObservedResult
from .response_body cimport frame_all, frame_end, frame_only, send_file, size_of, size_of_block
from .response_cache cimport end_gathering, gather_all
from .response_head cimport write_fields

from rhebok.process.forked_child import end_forked_child

cdef extern from "references.h":
    object rhb_first_item(object items)

cdef extern from "Python.h":
    PyObject *PyIter_Next(object iterator) except? NULL


cdef Progress call_application(Exchange exchange, object application, dict environ) except? BROKEN:
    """Calls the application and sends what it returns, as far as the socket takes it."""
    cdef object result
    if exchange.loop.reports is not NULL:
        exchange.access_line.environ = environ
    try:
        result = application(environ, exchange.start_response_method)
        with cython.critical_section(exchange):
            start_body(exchange, result)
        return advance(exchange)
    except BaseException as error:
        return application_failed(exchange, error)


cdef Progress resume_response(Exchange exchange, rhb_lane *lane) except? BROKEN:
    """Continues where the socket was full, perhaps in another thread."""
    with cython.critical_section(exchange):
        exchange.lane = lane
        exchange.score_resume()
    try:
        return advance(exchange)
    except BaseException as error:
        return application_failed(exchange, error)


# ---- what the application returns ----

cdef int end_in_child(Exchange exchange, object error) except -1:
    """In a process that the application has forked. Does not return."""
    end_forked_child(exchange.logger, exchange.describe(), error)


cdef int start_body(Exchange exchange, object result) except -1:
    """Puts what is known of the body from the type of the application's result. The rest is iterated."""
    cdef type kind = type(result)
    if exchange.loop.forked:
        end_in_child(exchange, None)
    if kind is list or kind is tuple:
        if not exchange.head.ended:
            return start_list(exchange, result)
        if not exchange.named:
            exchange.iterator = iter(result)  # write() came first
        return 0
    exchange.iterable = result
    if exchange.named:
        return 0
    if kind is ObservedResult:
        return start_observed(exchange, result)
    if kind is FileWrapper and not exchange.head.ended and start_file(exchange, result):
        return 0
    exchange.iterator = iter(result)
    return 0


cdef int start_observed(Exchange exchange, ObservedResult observed) except -1:
    """What it stands for is sent as if the application had returned that. Its close() comes at the end of the
    response, as that of any iterable."""
    cdef object result = observed.result
    cdef type kind = type(result)
    observed.exchange = exchange
    if not exchange.head.ended:
        if kind is list or kind is tuple:
            return start_list(exchange, result)
        if kind is FileWrapper and start_file(exchange, result):
            return 0
    exchange.iterator = iter(result)
    return 0


cdef int start_list(Exchange exchange, object result) except -1:
    """A list or tuple: the length of the body is known, and all of it can go out at once. It is walked twice, so a list
    of several blocks is copied first: another thread of the application may change it."""
    if type(result) is list and len(<list>result) == 1:
        return start_block(exchange, rhb_first_item(result))
    cdef tuple blocks = tuple(result)
    cdef Py_ssize_t total = size_of(blocks)
    if exchange.head.ended:  # another thread has called write(), for instance when the copy collected garbage
        exchange.iterator = iter(blocks)
        return 0
    if exchange.end_head(total, total):
        return 0
    if not frame_all(&exchange.body, exchange.outgoing, blocks, total):
        exchange.iterator = iter(blocks)
    elif exchange.gathers:
        gather_all(exchange.loop, exchange.conn, blocks, &exchange.head)
    return 0


cdef int start_block(Exchange exchange, object block) except -1:
    """The same for a list of one block, which is most of them."""
    cdef Py_ssize_t size = size_of_block(block)
    if exchange.end_head(size, size):
        return 0
    if not frame_only(&exchange.body, exchange.outgoing, block):
        exchange.iterator = iter((block,))
    elif exchange.gathers:
        gather_all(exchange.loop, exchange.conn, (block,), &exchange.head)
    return 0


cdef bint start_file(Exchange exchange, object wrapper) except -1:
    """A wrapped file, for sendfile(2). False when it must be iterated: it is no regular file, or goes out in
    chunks."""
    cdef object descriptor, position, size
    cdef tuple opened = regular_file((<FileWrapper>wrapper).filelike)
    if opened is None:
        return False
    descriptor, position, size = opened
    if exchange.head.ended:  # another thread has called write() meanwhile
        return False
    if exchange.end_head(size, -1):
        return True
    if exchange.gathers:
        rhb_caching_give_up(exchange.loop, exchange.conn)
        exchange.gathers = False
    if exchange.body.framing == RHB_FRAME_NONE:
        return True
    if exchange.body.framing != RHB_FRAME_LENGTH:
        return False
    exchange.outgoing.put_file(descriptor, position, min(<object>exchange.body.left, size))
    return True


cdef Progress advance(Exchange exchange) except? BROKEN:
    """Sends what is there, fetches the next block, and so on until the end or a full socket."""
    cdef rhb_io io
    cdef object iterator
    cdef PyObject *item
    while True:
        with cython.critical_section(exchange):
            io = send_what_is_there(exchange)
            if io == RHB_IO_AGAIN:
                return BROKEN if exchange.client_gone else SUSPENDED
            if io != RHB_IO_OK:
                return BROKEN
            if exchange.iterator is None:
                return completed(exchange)
            iterator = exchange.iterator
        item = PyIter_Next(iterator)
        with cython.critical_section(exchange):
            put_next_block(exchange, item)


cdef rhb_io send_what_is_there(Exchange exchange) except? RHB_IO_ERROR:
    """Head and blocks, then the file."""
    cdef rhb_io io = exchange.flush(exchange.iterator is None and not exchange.head.outcome.keep_alive)
    return advance_file(exchange) if io == RHB_IO_OK and exchange.outgoing.file_left > 0 else io


cdef int put_next_block(Exchange exchange, PyObject *item) except -1:
    """Puts the iterator's next block, whose reference the caller has, or what follows the last one (NULL)."""
    cdef object block
    if exchange.loop.forked:
        end_in_child(exchange, None)
    if item is NULL:
        return put_end(exchange)
    block = <object>item
    Py_DECREF(block)
    if exchange.is_pending():
        raise RuntimeError("the response goes on while write() waits in another thread")
    if type(block) is not bytes and not isinstance(block, bytes):
        raise TypeError(f"the application's response yielded {type(block).__name__}, not bytes")
    if PyBytes_GET_SIZE(block) == 0:
        return 0
    exchange.score_progress()
    exchange.put_block(block)
    if exchange.body.framing == RHB_FRAME_NONE:
        exchange.iterator = None
    return 0


cdef int put_end(Exchange exchange) except -1:
    """The iterator is exhausted."""
    if exchange.is_pending():
        return 0  # write() waits in another thread: its block goes first, and then the iterator is asked again
    exchange.iterator = None
    if not exchange.head.ended:
        if exchange.end_head(0, 0):
            return 0
    if exchange.gathers:
        end_gathering(exchange.loop, exchange.conn, &exchange.head)
    return frame_end(&exchange.body, exchange.outgoing)


cdef Progress completed(Exchange exchange) except? BROKEN:
    """Everything is sent. BROKEN when that is less than the Content-Length, or write() failed."""
    if exchange.client_gone:
        return BROKEN
    if exchange.body.framing == RHB_FRAME_LENGTH and exchange.body.left > 0:
        exchange.logger.error(
            "response to %s ended %d bytes short of its Content-Length", exchange.describe(), exchange.body.left)
        return BROKEN
    return FINISHED


# ---- files ----

cdef rhb_io advance_file(Exchange exchange) except? RHB_IO_ERROR:
    """Sends the file, as far as the socket takes it."""
    cdef rhb_io io = send_file(&exchange.body, exchange.outgoing, exchange.conn.fd)
    return sendfile_failed(exchange, errno) if io == RHB_IO_ERROR else io


cdef rhb_io sendfile_failed(Exchange exchange, int error) except? RHB_IO_ERROR:
    """Reads the file instead when sendfile(2) cannot send it. Logs an error of the file, which nothing else would
    report; one of the client is not logged."""
    if error == EINVAL or error == ENOSYS:
        return read_file_instead(exchange)
    if error not in (EPIPE, ECONNRESET, ETIMEDOUT):
        exchange.logger.error(
            "the file of the response to %s cannot be sent: %s", exchange.describe(), os.strerror(error))
    return RHB_IO_ERROR


cdef rhb_io read_file_instead(Exchange exchange) except? RHB_IO_ERROR:
    """The rest of the file is read block by block."""
    cdef object wrapper = exchange.iterable
    cdef uint64_t left = exchange.outgoing.file_left
    if exchange.named:
        exchange.outgoing.file_left = 0
        exchange.named_file.seek(exchange.outgoing.file_at)
        exchange.iterator = exchange.named_files.blocks(exchange.named_file, left)
        return RHB_IO_OK
    if type(wrapper) is ObservedResult:
        wrapper = (<ObservedResult>wrapper).result
    exchange.outgoing.file_left = 0
    plain_file((<FileWrapper>wrapper).filelike).seek(exchange.outgoing.file_at)
    exchange.iterator = iter(wrapper)
    return RHB_IO_OK


# ---- errors ----

cdef Progress application_failed(Exchange exchange, object error) except? BROKEN:
    """The application raised: it is answered with 500 if nothing has been sent, else the response is broken."""
    cdef bint answers
    with cython.critical_section(exchange):
        answers = drop_response(exchange, error)
    if not answers:
        return BROKEN
    try:
        return answer_500(exchange)
    except BaseException as second:
        log_error(exchange.logger, "the answer 500 failed", (), second, exchange.identifiers())
        return BROKEN


cdef bint drop_response(Exchange exchange, object error) except -1:
    """Logs the error, and drops what is not sent. Whether another response can be sent."""
    if exchange.loop.forked:
        end_in_child(exchange, error)
    if exchange.conn.fd < 0:
        taken_socket_failed(exchange, error)
        return False
    if exchange.client_gone:
        exchange.logger.debug("the client went away during write(), request %s", exchange.describe())
    else:
        log_error(exchange.logger, "error in the application, request %s", (exchange.describe(),), error,
                  exchange.identifiers())
    exchange.iterator = None
    exchange.outgoing.drop_body()
    if exchange.client_gone:
        return False
    if exchange.outgoing.sent == exchange.outgoing.sent_before:
        return True
    rhb_caching_give_up(exchange.loop, exchange.conn)  # the next one would fail too: nobody waits for it
    return False


cdef int taken_socket_failed(Exchange exchange, object error) except -1:
    """The application has taken the socket (upgrade.pyx), so there is nothing to answer. Some raise at the end of a
    session what their server is known to ignore: python-engineio for Werkzeug's and gunicorn's sockets.
    """
    exchange.iterator = None
    if isinstance(error, (ConnectionError, StopIteration)):
        exchange.logger.debug("%r after the socket was taken, request %s", error, exchange.describe())
    else:
        log_error(exchange.logger, "error in the application, request %s", (exchange.describe(),), error,
                  exchange.identifiers())
    return 0


cdef Progress answer_500(Exchange exchange) except? BROKEN:
    """Replaces the response, of which nothing has been sent."""
    with cython.critical_section(exchange):
        exchange.head.ended = exchange.gathers = False
        exchange.body.size = 0
        write_fields(&exchange.head, exchange.outgoing, "500 Internal Server Error",
                     [("Content-Type", "text/plain; charset=utf-8")])
        start_list(exchange, (b"Internal Server Error\n",))
    return advance(exchange)
