# cython: binding=False
"""environ["wsgi.early_hints"]: 103 responses before the final one (RFC 8297).

The application finds an EarlyHints in each environ and calls it. An exchange keeps its own from request to
request, and so does the environ's template (environ.pyx), so that a request without hints costs only one
more entry of a dict that is copied whole. An application that keeps an EarlyHints for longer than its request, perhaps
by keeping the environ, keeps one that does nothing: the next request gets another object.

Nothing here waits: what the socket does not take goes out before the head of the final response.
"""

cimport cython
from libc.string cimport memset

from .csrc cimport (
    RHB_HEAD_OK,
    RHB_IO_OK,
    rhb_bytes,
    rhb_bytes_append,
    rhb_bytes_free,
    rhb_head_field,
    rhb_head_result,
    rhb_io,
    rhb_response_head,
    rhb_send,
)
from .response_head cimport latin1, refuse_head

cdef enum:
    MAX_UNSENT = 65536   # bytes that wait for the final response; hints beyond that are dropped

cdef const char *STATUS_LINE = b"HTTP/1.1 103 Early Hints\r\n"


cdef inline object as_text(object text):
    """Names and values may be bytes too, as with gunicorn."""
    return (<bytes>text).decode("latin-1") if type(text) is bytes else text


cdef int write_response(rhb_bytes *out, object headers) except -1:
    """Appends a whole 103 response. Raises TypeError or ValueError for a field that must not be sent."""
    cdef rhb_response_head head
    cdef rhb_head_result result
    cdef const char *name = NULL
    cdef const char *value = NULL
    cdef size_t name_len = 0, value_len = 0
    cdef object field, field_name, field_value
    memset(&head, 0, sizeof(head))
    head.out = out
    if not rhb_bytes_append(out, STATUS_LINE, 26):
        raise MemoryError
    for field in headers:
        if type(field) is not tuple or len(<tuple>field) != 2:
            raise TypeError(f"an early hint must be a tuple of name and value: {field!r}")
        field_name, field_value = as_text((<tuple>field)[0]), as_text((<tuple>field)[1])
        latin1(field_name, "name of an early hint", &name, &name_len)
        latin1(field_value, "value of an early hint", &value, &value_len)
        result = rhb_head_field(&head, name, name_len, value, value_len)
        if result != RHB_HEAD_OK:
            refuse_head(result, field_name, field_value)
    if not rhb_bytes_append(out, b"\r\n", 2):
        raise MemoryError
    return 0


cdef class EarlyHints:
    """environ["wsgi.early_hints"]: early_hints(headers: Iterable[tuple[str | bytes, str | bytes]]) -> None

    Sends a 103 response with these fields at once (RFC 8297). May be called several times, until the head of the final
    response is complete. Does nothing after that, and nothing for an HTTP/1.0 client. Fields of the connection (RFC
    9110 section 7.6.1) and Content-Length are left out.

    Raises TypeError or ValueError, as start_response() does, for a field that must not be sent.
    """

    def __call__(self, headers):
        cdef Exchange exchange
        cdef rhb_bytes hints
        cdef bint may_send = False
        with cython.critical_section(self):
            exchange = self.exchange
        if exchange is not None:
            with cython.critical_section(self, exchange):
                may_send = self.is_for(exchange)
        if not may_send:
            return
        memset(&hints, 0, sizeof(hints))
        try:
            write_response(&hints, headers)
            with cython.critical_section(self, exchange):
                if self.is_for(exchange):  # iterating the headers may have run code of the application
                    send_or_keep(exchange, &hints)
        finally:
            rhb_bytes_free(&hints)

    cdef bint is_for(self, Exchange exchange) noexcept:
        """Whether it belongs to this exchange, whose response has not begun. In a critical section of both."""
        return (self.exchange is exchange and exchange.running and not exchange.head.ended
                and exchange.head.context.minor_version > 0)


cdef int send_or_keep(Exchange exchange, rhb_bytes *hints) except -1:
    """Sends them, behind earlier ones that wait. What the socket does not take is kept, as long as it is not too
    much; hints of which a part has been sent are always kept whole."""
    cdef size_t done = 0
    cdef rhb_io io
    exchange.score_progress()
    if exchange.unsent_hints.len == 0:
        io = rhb_send(exchange.conn.fd, hints.data, hints.len, &done)
        exchange.outgoing.sent += done
        exchange.outgoing.sent_before += done
        if io == RHB_IO_OK:
            return 0
    if done == 0 and exchange.unsent_hints.len + hints.len > MAX_UNSENT:
        return 0
    # After an error too: sending the final response will meet it again.
    if not rhb_bytes_append(&exchange.unsent_hints, hints.data + done, hints.len - done):
        raise MemoryError
    return 0


cdef int replace_hints(Exchange exchange) except -1:
    """Gives the exchange a new EarlyHints. The old one does nothing from now on."""
    cdef EarlyHints hints = EarlyHints()
    hints.exchange = exchange
    hints.held = 1
    disarm(exchange.hints)
    exchange.hints = hints
    return 0


cdef int disarm(EarlyHints hints) except -1:
    """It does nothing from now on. None is allowed."""
    if hints is not None:
        with cython.critical_section(hints):
            hints.exchange = None
    return 0


cdef Exchange new_exchange(object logger, bint allow_chunked, object named_files):
    """An exchange with an EarlyHints."""
    cdef Exchange exchange = Exchange(logger, allow_chunked, named_files)
    replace_hints(exchange)
    return exchange


cdef int retire_exchange(Exchange exchange) except -1:
    """Exchange.retire(). Its EarlyHints, which the application may still have, does nothing from now on."""
    disarm(exchange.hints)
    return exchange.retire()
