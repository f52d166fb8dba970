"""One connection for metrics and probes, from its first byte to its last. Used by service.

    READING --request--> WAITING --the supervisor has answered--> SENDING --> LINGERING --> closed
       +---------------- refused --------------------------------^

It never waits. The sending side ends first, and what the client still sends is discarded for a moment:
to close with unread bytes would destroy the response on its way.
"""

from __future__ import annotations

import select
from enum import Enum, auto
from http import HTTPStatus
from socket import SHUT_WR
from socket import socket as Socket
from time import monotonic

from rhebok.metrics.request import Refused, Request, read_request, refusal

SECONDS = 5.0  # for a client to ask, and to take its answer
LINGER_SECONDS = 1.0
_CHUNK = 4096


class State(Enum):
    READING = auto()
    WAITING = auto()
    SENDING = auto()
    LINGERING = auto()
    CLOSED = auto()


_EVENTS = {
    State.READING: select.POLLIN,
    State.WAITING: 0,  # POLLHUP and POLLERR come all the same
    State.SENDING: select.POLLOUT,
    State.LINGERING: select.POLLIN,
}

_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Client:
    """Of one service. `request` and `asked_at` are those of a client that waits."""

    def __init__(self, sock: Socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.state = State.READING
        self.until = monotonic() + SECONDS
        self.request: Request | None = None
        self.asked_at = 0.0
        self._received = b""
        self._response = b""

    @property
    def events(self) -> int:
        return _EVENTS[self.state]

    def advance(self, events: int) -> None:
        """Does what can be done after poll(2) has reported these events."""
        try:
            if self.state is State.READING:
                self._read()
            elif events & _GONE:
                self.close()
            elif self.state is State.SENDING:
                self._send()
            elif self.state is State.LINGERING and not self.socket.recv(_CHUNK):
                self.close()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()

    def _read(self) -> None:
        data = self.socket.recv(_CHUNK)
        if not data:
            self.close()
            return
        self._received += data
        try:
            self.request = read_request(self._received)
        except Refused as refused:
            self.answer(refusal(refused.status, refused.without_body))
            return
        if self.request:
            self.state, self.asked_at = State.WAITING, monotonic()

    def answer(self, response: bytes) -> None:
        """Sends what the kernel takes now; the rest when it is asked to."""
        self._response, self.state = response, State.SENDING
        try:
            self._send()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()

    def _send(self) -> None:
        self._response = self._response[self.socket.send(self._response) :]
        if not self._response:
            self.state, self.until = State.LINGERING, monotonic() + LINGER_SECONDS
            self.socket.shutdown(SHUT_WR)

    def look(self, now: float) -> None:
        """Ends it when its time is over. Half a request is answered, silence is not."""
        if now < self.until or self.state is State.CLOSED:
            return
        if self.state is State.READING and self._received:
            self.answer(refusal(HTTPStatus.REQUEST_TIMEOUT))
            self.until = now + LINGER_SECONDS
        else:
            self.close()

    def close(self) -> None:
        self.state = State.CLOSED
        self.socket.close()
