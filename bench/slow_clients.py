"""A crowd of slow clients in one process: `python -m bench.slow_clients HOST PORT COUNT`. Used by crowd.py.

A third of the clients send a head a byte at a time, a third send a body a byte at a time, and a third
request a large response and do not read it. A client whose connection the server ends connects again. The
process prints "ready" when all clients have connected, and runs until its standard input ends. Then it
prints the number of reconnects.
"""

from __future__ import annotations

import contextlib
import itertools
import resource
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
UNREAD = b"GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
KINDS = (HEAD, BODY, UNREAD)

PACE = 5.0  # seconds between two bytes of a client
TURNS = 50  # of a round in which each client sends one byte
SEGMENT, WINDOW = 1460, 4096  # as over a network: loopback's segments of 64 KiB make buffers of megabytes

ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, so that no port stays in TIME_WAIT


@dataclass
class Slow:
    """One slow client."""

    first: bytes
    connection: socket.socket

    @property
    def sends(self) -> bool:
        """Whether it sends a byte at a time."""
        return self.first is not UNREAD


def connect(address: tuple[str, int], first: bytes) -> Slow:
    """A connection on which the first bytes have been sent."""
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    connection.settimeout(10)
    connection.connect(address)
    connection.sendall(first)
    connection.setblocking(False)
    return Slow(first, connection)


class Crowd:
    """All slow clients."""

    def __init__(self, address: tuple[str, int], count: int) -> None:
        self._address = address
        self._poll = select.epoll()
        self._clients: dict[int, Slow] = {}
        self.reconnects = 0
        for first in itertools.islice(itertools.cycle(KINDS), count):
            self._open(first)

    def _open(self, first: bytes) -> None:
        slow = connect(self._address, first)
        self._clients[slow.connection.fileno()] = slow
        # An unread response is no event; the end of its connection is.
        events = select.EPOLLIN if slow.sends else 0
        self._poll.register(slow.connection, events | select.EPOLLRDHUP)

    def reopen(self, number: int) -> None:
        """Connects a client again after the server has answered it or closed its connection."""
        slow = self._clients.pop(number)
        self._poll.unregister(number)
        slow.connection.close()
        self.reconnects += 1
        self._open(slow.first)

    def send_bytes(self, clients: Sequence[Slow]) -> None:
        """Sends one byte on each connection that sends."""
        for slow in clients:
            if slow.sends and slow.connection.fileno() >= 0:
                with contextlib.suppress(OSError):  # epoll reports its end
                    slow.connection.send(b"x")

    def turns(self) -> Iterator[None]:
        """Sends bytes slowly and reconnects, a little in each turn."""
        while True:
            everyone = list(self._clients.values())
            for turn in range(TURNS):
                until = time.monotonic() + PACE / TURNS
                self.send_bytes(everyone[turn::TURNS])
                while (left := until - time.monotonic()) > 0:
                    for number, _ in self._poll.poll(left):
                        self.reopen(number)
                yield

    def close(self) -> None:
        """Closes all connections."""
        for slow in self._clients.values():
            slow.connection.close()


def main(arguments: Sequence[str]) -> int:
    host, port, count = arguments
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd((host, int(port)), int(count))
    print("ready", flush=True)
    for _ in crowd.turns():
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    crowd.close()
    print(crowd.reconnects, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
