"""Kept connections of a client: one request at a time on each, and the pid that answers. Used by loops.py.

A connection that the server ends, or any response but 200 with a length, is a ServerFailedError: such a run
has no figure.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator, Sequence

from bench.process import Address, ServerFailedError, connect

PAUSE = 0.015  # seconds between two clients that join slowly
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def request(milliseconds: int) -> bytes:
    """The request that makes the application sleep so long."""
    return b"GET /sleep/%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % milliseconds


def body_of(received: bytes) -> bytes | None:
    """The body of a whole response; None when more must come."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = LENGTH.search(head + b"\r\n")
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise ServerFailedError(f"not the response that was asked for: {received[:200]!r}")
    return body if len(body) >= int(length[1]) else None


class Connection:
    """One kept connection."""

    def __init__(self, address: Address) -> None:
        self.socket = connect(address)
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, milliseconds: int) -> None:
        """Asks; it is so short that it goes out at once."""
        try:
            self.socket.sendall(request(milliseconds))
        except OSError as error:
            raise ServerFailedError(f"cannot send on a kept connection: {error}") from error

    def receive(self) -> int | None:
        """Receives what is there. Returns the pid of the worker that answered, once all has come."""
        try:
            data = self.socket.recv(4096)
        except OSError as error:
            raise ServerFailedError(f"a kept connection broke: {error!r}") from error
        if not data:
            raise ServerFailedError("the server ended a kept connection")
        self._received += data
        body = body_of(self._received)
        if body is None:
            return None
        self._received = b""
        return int(body)

    def wait(self) -> int:
        """Waits for the response that is outstanding."""
        while (pid := self.receive()) is None:
            pass
        return pid

    def ask(self, milliseconds: int = 0) -> int:
        """One request and its response."""
        self.send(milliseconds)
        return self.wait()


class Connections:
    """All connections of a client."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._epoll = select.epoll()
        self._by_number: dict[int, Connection] = {}

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self:
            connection.socket.close()
        self._epoll.close()

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._by_number.values())

    def open(self) -> Connection:
        """One more."""
        connection = Connection(self._address)
        self._by_number[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket, select.EPOLLIN)
        return connection

    def join(self, count: int, pause: float = PAUSE, asking: bool = True) -> None:
        """Opens so many, one after the other. One that asks gets an answer before the next is opened."""
        for _ in range(count):
            connection = self.open()
            if asking:
                connection.ask()
            time.sleep(pause)

    def ready(self, seconds: float) -> Sequence[Connection]:
        """Waits until a response comes, at most so long.

        By select: epoll's own timeout is whole milliseconds, and an arrival would be late by one.
        """
        if not select.select([self._epoll], [], [], max(seconds, 0))[0]:
            return []
        return [self._by_number[number] for number, _ in self._epoll.poll(0)]
