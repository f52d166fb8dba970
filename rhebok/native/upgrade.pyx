# cython: binding=False
"""The socket of a connection that its client wants to use for another protocol (RFC 9110 section 7.8): offered to
the application under environ["rhebok.socket"].

Called by the worker for requests with `Connection: upgrade` alone. upgraded_socket.py is what the application gets.

Lifetime: the connection stays with the loop, and counts as open, until the application has returned; the
application has a copy of the descriptor, the Offer the connection's own, and the connection none, so nothing of
ours can get between the frames. Afterwards the descriptor goes back, and the client sees the end.
"""

from os import dup

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

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)


cdef class Offer:
    """Offer(exchange): its socket, until withdraw()."""

    def __cinit__(self, Exchange exchange):
        self.exchange = exchange
        self.early = exchange.lane.rest[:exchange.lane.rest_len]
        self.fd = -1

    def __dealloc__(self):
        if self.fd >= 0:  # a fault of ours got in between
            close(self.fd)

    def take(self):
        """take() -> (int, bytes, bytes): a descriptor that is the caller's, what has been read from it already, and
        what is to be written before anything else.

        Raises RuntimeError when the response has begun or the socket has been taken before, OSError when there is
        no descriptor left.
        """
        cdef Exchange exchange = self.exchange
        if exchange is None or not exchange.running or exchange.head.ended:
            raise RuntimeError("the socket of a request can be taken once, before its response has begun")
        unsent = exchange.unsent_hints.data[:exchange.unsent_hints.len]
        copy = dup(exchange.conn.fd)
        self.fd = rhb_hand_over(exchange.loop, exchange.conn)
        rhb_score_no_limit(exchange.lane.score)
        # Whatever the application does by WSGI from here on is a response of no bytes.
        exchange.head.started = False
        exchange.head.ended = True
        exchange.body.framing = RHB_FRAME_NONE
        exchange.outgoing.out.len = exchange.unsent_hints.len = 0
        return copy, self.early, unsent

    def keep(self):
        """keep() -> None: the application goes on with the descriptor when the request is over."""
        self.kept = True

    cdef Progress withdraw(self, Progress progress) except? BROKEN:
        """The application is done, with this progress."""
        cdef Exchange exchange = self.exchange
        self.exchange = None
        if self.fd < 0:
            return progress
        rhb_take_back(exchange.conn, self.fd)
        self.fd = -1
        exchange.set_upgraded()
        return BROKEN if self.kept else UPGRADED


cdef Progress run_offering(Exchange exchange, object application, dict environ) except? BROKEN:
    """call_application() of a request whose connection may become something else."""
    cdef Offer offer
    cdef Progress progress
    if "HTTP_UPGRADE" not in environ:
        return call_application(exchange, application, environ)
    offer = Offer(exchange)
    sock = OfferedSocket(offer)
    # Libraries know the key of the server that Werkzeug has for development, and ask nothing more of it.
    environ["rhebok.socket"] = environ["werkzeug.socket"] = sock
    try:
        progress = call_application(exchange, application, environ)
    except BaseException:
        offer.withdraw(BROKEN)  # the worker ends the connection
        raise
    progress = offer.withdraw(progress)
    if progress == UPGRADED:
        # Frameworks keep the environ, with no use for this.
        environ.pop("rhebok.socket", None)
        environ.pop("werkzeug.socket", None)
        if Py_REFCNT(<PyObject *>sock) == 1:
            sock.close()
        elif not sock._closed:
            return SHARED
    return progress
