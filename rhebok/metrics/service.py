"""The metrics process: answers /metrics, /livez and /readyz with what the supervisor says.

Run by superdaemon/exporter.py in a child of the supervisor. One thread and one poll(2): no client delays
another one, and none reaches the supervisor. What is asked of that is one small question at a time.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from http import HTTPStatus
from socket import socket as Socket
from time import monotonic

from rhebok.metrics import families
from rhebok.metrics.client import Client, State
from rhebok.metrics.link import MEASURES, STATE, Link, SupervisorGone
from rhebok.metrics.request import LIVEZ, METRICS, Request, response
from rhebok.process.reaping import milliseconds
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

CLIENTS = 64  # then the oldest one gives way
PATIENCE = 1.0  # seconds for the supervisor to answer
PACE = 0.01  # seconds between two questions: no flood of requests becomes one of questions
FRESH = 0.2  # seconds for which measures serve all: so often at most the supervisor reads the boards


def serve(listeners: Sequence[Socket], link: Socket) -> None:
    """Until the supervisor has closed the link, or has ended."""
    service = Service(listeners, Link(link))
    try:
        while True:
            service.turn()
    except SupervisorGone:
        return


class Service:
    def __init__(self, listeners: Sequence[Socket], link: Link) -> None:
        self._listeners = {each.fileno(): each for each in listeners}
        self._link = link
        self._clients: dict[int, Client] = {}  # by descriptor, oldest first
        self._measures: dict[str, Any] | None = None
        self._measured_at = 0.0
        self._writer = families.Writer()

    def turn(self) -> None:
        """Waits for something to do, and does it. Raises SupervisorGone."""
        poll = select.poll()
        for descriptor in (*self._listeners, self._link.fileno()):
            poll.register(descriptor, select.POLLIN)
        for descriptor, client in self._clients.items():
            poll.register(descriptor, client.events)
        for descriptor, events in poll.poll(milliseconds(self._next_at() - monotonic())):
            if descriptor in self._listeners:
                self._accept(self._listeners[descriptor])
            elif client_ := self._clients.get(descriptor):
                client_.advance(events)
            elif descriptor == self._link.fileno():
                self._take_answer()
        self._expire(monotonic())
        self._ask()

    def _next_at(self) -> float:
        moments = [each.until for each in self._clients.values()]
        waiting = self._waiting()
        moments += [each.asked_at + PATIENCE for each in waiting]
        if waiting and self._link.is_free:
            moments.append(self._link.asked_at + PACE)
        return min(moments, default=float("inf"))

    def _waiting(self) -> list[Client]:
        return [each for each in self._clients.values() if each.state is State.WAITING]

    def _accept(self, listener: Socket) -> None:
        """The bound: who has waited longest without being answered gives way to who comes."""
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        if len(self._clients) >= CLIENTS:
            self._clients.pop(next(iter(self._clients))).close()
        self._clients.pop(sock.fileno(), None)  # closed in this turn: the order is that of coming
        self._clients[sock.fileno()] = client = Client(sock)
        client.advance(0)

    def _expire(self, now: float) -> None:
        for client in self._clients.values():
            if client.request and client.state is State.WAITING and now >= client.asked_at + PATIENCE:
                client.answer(_unavailable("the supervisor does not answer", client.request.without_body))
            client.look(now)
        self._clients = {fd: each for fd, each in self._clients.items() if each.state is not State.CLOSED}

    def _ask(self) -> None:
        """Whoever waits now is answered by what is asked now, not by an answer that may be older."""
        self._answer_from_memory()
        waiting = self._waiting()
        if waiting and self._link.is_free and monotonic() >= self._link.asked_at + PACE:
            wanted = any(each.request and each.request.path == METRICS for each in waiting)
            self._link.ask(MEASURES if wanted else STATE)

    def _answer_from_memory(self) -> None:
        if self._measures is None or monotonic() >= self._measured_at + FRESH:
            return
        for client in self._waiting():
            if client.request and client.request.path == METRICS:
                client.answer(self._response(client.request, self._measures))

    def _take_answer(self) -> None:
        answered = self._link.answer()
        if answered is None:
            return
        question, found = answered
        if question == MEASURES:
            self._measures, self._measured_at = found, monotonic()
        for client in self._waiting():
            request = client.request
            if (
                request
                and client.asked_at <= self._link.asked_at
                and (question == MEASURES or request.path != METRICS)
            ):
                client.answer(self._response(request, found))

    def _response(self, request: Request, found: dict[str, Any]) -> bytes:
        if request.path == METRICS:
            body, kind = self._writer.write(found, request.accept)
            return response(HTTPStatus.OK, body, kind, request.without_body)
        if request.path == LIVEZ:
            return response(HTTPStatus.OK, b"ok\n", without_body=request.without_body)
        if found["ready"]:
            return response(HTTPStatus.OK, b"ok\n", without_body=request.without_body)
        return _unavailable(found["why"], request.without_body)


def _unavailable(why: str, without_body: bool = False) -> bytes:
    return response(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}\n".encode(), without_body=without_body)
