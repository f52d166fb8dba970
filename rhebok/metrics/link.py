"""The questions that the metrics process asks its supervisor: one at a time, without waiting.

Used by service; the other end is superdaemon/exporter.py. Both messages are one datagram.
"""

from __future__ import annotations

import marshal
from socket import socket as Socket
from time import monotonic

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

STATE, MEASURES = b"state", b"measures"  # questions; the answer to the second one has that of the first too
LONGEST_ANSWER = 2**18


class SupervisorGone(Exception):
    """Its end of the link is closed."""


class Link:
    def __init__(self, sock: Socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._question: bytes | None = None  # that has no answer yet
        self.asked_at = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_free(self) -> bool:
        return self._question is None

    def ask(self, question: bytes) -> None:
        """Called only while it is free."""
        self.asked_at = monotonic()
        try:
            self._socket.send(question)
        except OSError:
            raise SupervisorGone from None
        self._question = question

    def answer(self) -> tuple[bytes, dict[str, Any]] | None:
        """The question and its answer, when it has come."""
        try:
            data = self._socket.recv(LONGEST_ANSWER)
        except BlockingIOError:
            return None
        except OSError:
            raise SupervisorGone from None
        if not data:
            raise SupervisorGone
        question, self._question = self._question, None
        return question or STATE, marshal.loads(data)
