"""The control socket of a running server: a line of JSON asks, a line of JSON answers.

Used by the supervisor; under a foreign superdaemon by the master. It never waits: its owner has other things
to do. A client that does not read its answer is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from socket import AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM
from socket import socket as Socket  # bound before the application, which may replace it, is imported
from time import monotonic

from rhebok.listening.unix_path import BoundPath, bind_unix_path
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    Answer = dict[str, Any]

MODE = 0o600
_LONGEST = 4096  # bytes of a question
_CLIENTS = 16
_PATIENCE = 5.0  # seconds for a client to ask, and to take its answer
_AGAIN = 0.01  # seconds until the next attempt to send the rest of an answer


class _Client:
    def __init__(self, sock: Socket) -> None:
        self.socket = sock
        self.asked = b""
        self.answer = b""
        self.until = monotonic() + _PATIENCE


class ControlSocket:
    """Raises OSError when it cannot be bound. answer: of a command and its argument; ValueError refuses."""

    def __init__(self, path: str) -> None:
        self._socket = Socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK)
        self._bound: BoundPath | None = None
        self._clients: list[_Client] = []
        self._answer: Callable[[str, Any], Answer] | None = None
        try:
            os.makedirs(os.path.dirname(path) or ".", mode=0o755, exist_ok=True)
            self._bound = bind_unix_path(self._socket, path, _CLIENTS, MODE)
        except OSError:
            self._socket.close()
            raise
        self.path = self._bound.path

    def answers(self, answer: Callable[[str, Any], Answer]) -> None:
        """Who answers from now on."""
        self._answer = answer

    def close(self) -> None:
        """Removes the path too."""
        for client in self._clients:
            client.socket.close()
        self._clients.clear()
        if self._bound:
            self._bound.release()
            self._bound = None
        self._socket.close()

    def forget(self) -> None:
        """In a forked child: the path stays."""
        for client in self._clients:
            client.socket.close()
        self._clients.clear()
        self._bound = None
        self._socket.close()

    def descriptors(self) -> Iterable[int]:
        """What to wait for."""
        if self._bound is None:
            return ()
        return [self._socket.fileno(), *(each.socket.fileno() for each in self._clients if not each.answer)]

    def next_at(self) -> float:
        """When to look although nothing can be read."""
        if any(each.answer for each in self._clients):
            return monotonic() + _AGAIN
        return min((each.until for each in self._clients), default=float("inf"))

    def look(self) -> None:
        """Does what can be done now."""
        if self._bound is None:
            return
        while len(self._clients) < _CLIENTS:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                break
            sock.setblocking(False)
            self._clients.append(_Client(sock))
        now = monotonic()
        for client in tuple(self._clients):
            if not self._serve(client) or now > client.until:
                client.socket.close()
                self._clients.remove(client)

    def _serve(self, client: _Client) -> bool:
        """False when the client is done or gone."""
        try:
            if not client.answer:
                data = client.socket.recv(_LONGEST)
                client.asked += data
                if not data or len(client.asked) > _LONGEST:
                    return False
                line, ended, client.asked = client.asked.partition(b"\n")
                if not ended:
                    client.asked = line
                    return True
                client.answer = self._answer_to(line)
            client.answer = client.answer[client.socket.send(client.answer) :]
            client.until = monotonic() + _PATIENCE
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _answer_to(self, line: bytes) -> bytes:
        from rhebok.process.plain_json import dumps, loads  # which a server that nobody asks does without

        assert self._answer is not None
        try:
            asked = loads(line.decode())
            if not isinstance(asked, dict):
                raise ValueError('an object is expected, as {"command": "status"}')
            answer = self._answer(str(asked.get("command")), asked.get("argument"))
        except (ValueError, OSError) as error:
            answer = {"error": str(error)}
        return dumps(answer).encode() + b"\n"
