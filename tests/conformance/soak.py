"""Plays the bytes of all cases over and over against one server, as fast as it answers, and in ways that no
single case has: cut in two anywhere, behind a good request, given up in the middle by a reset. What comes
back is only read, since the runner judges that; test_soak.py looks at what the server keeps."""

from __future__ import annotations

import random
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import wire
from cases import Case

WINDOW = 32  # connections at a time
PATIENCE = 20.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER


@dataclass
class Play:
    """A case that is on its way: what has not been sent yet."""

    sock: socket.socket
    rest: bytes
    reset: bool


@dataclass
class Player:
    """Counts what it has played, and the first digits of the statuses that came back."""

    addresses: Sequence[str]
    cases: Sequence[Case]
    seed: int
    played: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._window: deque[Play] = deque()

    def play(self, count: int) -> None:
        """So many cases, each in a way and on a socket that chance has picked; none is left open."""
        for _ in range(count):
            self._window.append(self._begin(self._random.choice(self.cases).raw))
            if len(self._window) == WINDOW:
                self._finish(self._window.popleft())
        while self._window:
            self._finish(self._window.popleft())

    def _begin(self, raw: bytes) -> Play:
        sock = wire.connect(self._random.choice(self.addresses), PATIENCE)
        sock.settimeout(PATIENCE)
        if self._random.random() < 0.25:
            raw = wire.FIRST + raw
        cut = self._random.randrange(len(raw) + 1) if self._random.random() < 0.5 else len(raw)
        play = Play(sock, raw[cut:], reset=self._random.random() < 0.05)
        with suppress(ConnectionError):  # it has been refused already
            sock.sendall(raw[:cut])
        return play

    def _finish(self, play: Play) -> None:
        self.played += 1
        with play.sock as sock:
            if play.reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            with suppress(ConnectionError):
                sock.sendall(play.rest)
            with suppress(OSError):  # the connection may be gone
                sock.shutdown(socket.SHUT_WR)
            self._count(self._read(sock))

    def _read(self, sock: socket.socket) -> bytes:
        parts = []
        with suppress(ConnectionError):
            while data := sock.recv(1 << 16):
                parts.append(data)
        return b"".join(parts)

    def _count(self, answer: bytes) -> None:
        status = answer[9:10].decode("latin-1") if answer.startswith(b"HTTP/1.1 ") else "none"
        self.answers[status] = self.answers.get(status, 0) + 1
