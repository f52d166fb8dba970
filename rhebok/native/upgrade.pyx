# cython: binding=False
"""environ["rhebok.socket"]: offers the application the socket of a connection whose client asks for another protocol
(RFC 9110 section 7.8).

The request handler calls this only for requests with `Connection: upgrade`. upgraded_socket.py is the socket that the
application gets.

Lifetime: the connection stays in the loop, and counts as open, until the application has returned. Meanwhile the
application has a copy of the descriptor, the Offer the connection's own, and the connection none, so that the
server cannot write between the application's bytes. Then the connection gets its descriptor back and is closed.
"""

from os import dup

cimport cython
from cpython.ref cimport PyObject
from posix.unistd cimport close

from .application_call cimport call_application
from .csrc cimport (
    RHB_FRAME_NONE,
    rhb_hand_over,
    rhb_score_no_limit,
    rhb_take_back,
)
from .exchange cimport BROKEN, SHARED, UPGRADED

from rhebok.native.upgraded_socket import OfferedSocket

cdef extern from "references.h":
    Py_ssize_t rhb_references(PyObject *o)


cdef str TAKEN_ONCE = "the socket of a request can be taken once, before its response has begun"


cdef class Offer:
    """Offer(exchange, taken): the socket of the exchange's connection, until withdraw(). Meanwhile the exchange is in
    the set `taken` if the application has the socket."""

    def __cinit__(self, Exchange exchange, set taken):
        self.exchange = exchange
        self.taken = taken
        self.early = exchange.lane.rest[:exchange.lane.rest_len]
        self.fd = -1

    def __dealloc__(self):
        if self.fd >= 0:  # withdraw() was not reached, by an error of the server
            close(self.fd)

    def take_over(self):
        """take_over() -> tuple[int, bytes, bytes]: a descriptor that belongs to the caller, the bytes that have been
        read from it already, and the bytes that must be written first.

        Raises RuntimeError when the response has begun or the socket has been taken over before, OSError when the
        process has no descriptor left.
        """
        cdef Exchange exchange
        with cython.critical_section(self):
            exchange = self.exchange
        if exchange is None:
            raise RuntimeError(TAKEN_ONCE)
        with cython.critical_section(self, exchange):
            return self.take_over_from(exchange)

    cdef tuple take_over_from(self, Exchange exchange):
        self.must_be_free()
        copy = dup(exchange.conn.fd)
        try:
            self.must_be_free()  # dup() may have let other threads run
        except BaseException:
            close(copy)
            raise
        self.taken.add(exchange)
        unsent = exchange.unsent_hints.data[:exchange.unsent_hints.len]
        self.fd = rhb_hand_over(exchange.loop, exchange.conn)
        rhb_score_no_limit(exchange.lane.score)
        # What the application sends by WSGI from now on is a response of no bytes.
        exchange.head.started = False
        exchange.head.ended = True
        exchange.body.framing = RHB_FRAME_NONE
        exchange.outgoing.out.len = exchange.unsent_hints.len = 0
        return copy, self.early, unsent

    cdef int must_be_free(self) except -1:
        """Raises RuntimeError when the socket cannot be taken over any more."""
        cdef Exchange exchange = self.exchange
        if exchange is None or not exchange.running or exchange.head.ended:
            raise RuntimeError(TAKEN_ONCE)
        return 0

    def keep(self):
        """keep() -> None: the application keeps its descriptor after the end of the request."""
        self.kept = True

    cdef Progress withdraw(self, Progress progress) except? BROKEN:
        """The application has returned, with this progress. Gives the connection its descriptor back."""
        cdef Exchange exchange = self.exchange
        with cython.critical_section(self, exchange):
            self.exchange = None
            if self.fd < 0:
                return progress
            rhb_take_back(exchange.conn, self.fd)
            self.fd = -1
            self.taken.discard(exchange)
            set_upgraded(exchange)
            return BROKEN if self.kept else UPGRADED


cdef Progress run_offering(Exchange exchange, object application, dict environ, set taken) except? BROKEN:
    """call_application() for a request that asks for an upgrade. taken: has the exchanges whose sockets applications
    have."""
    cdef Offer offer
    cdef Progress progress
    if "HTTP_UPGRADE" not in environ:
        return call_application(exchange, application, environ)
    offer = Offer(exchange, taken)
    sock = OfferedSocket(offer)
    # Libraries look for the key of Werkzeug's development server.
    environ["rhebok.socket"] = environ["werkzeug.socket"] = sock
    try:
        progress = call_application(exchange, application, environ)
    except BaseException:
        offer.withdraw(BROKEN)  # the request handler aborts the connection
        raise
    progress = offer.withdraw(progress)
    if progress == UPGRADED:
        # Frameworks keep the environ; they need no socket.
        environ.pop("rhebok.socket", None)
        environ.pop("werkzeug.socket", None)
        if rhb_references(<PyObject *>sock) == 1:
            sock.close()
        elif not sock._closed:
            return SHARED
    return progress


cdef int set_upgraded(Exchange exchange) noexcept:
    """The application sent its own response over the socket: the access log gets a 101 without fields."""
    exchange.head.written.status = 101
    exchange.access_line.response_head.len = 0


cdef int log_cut(set taken) except -1:
    """Reports the request of each of these connections, which the end of the process cuts."""
    cdef Exchange exchange
    for exchange in list(taken):
        with cython.critical_section(exchange):
            if exchange.running and exchange.conn.fd < 0 and exchange.loop.reports is not NULL:
                log_one_cut(exchange)
    return 0


cdef int log_one_cut(Exchange exchange) except -1:
    environ = exchange.access_line.environ
    exchange.access_line.environ = None  # reading it may run Python code, which lets the application's thread run
    set_upgraded(exchange)
    exchange.log_access()
    exchange.access_line.environ = environ
    return 0
