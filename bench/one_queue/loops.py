"""What a client does with its kept connections: an open loop, a closed loop, and asking who serves them.

Open: requests come when they are due, whatever the server does. Closed: each connection asks again as soon as
it is answered. Used by measure.py.
"""

from __future__ import annotations

import gc
import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.one_queue.arrivals import WORKERS, Arrivals
from bench.one_queue.connections import Connection, Connections
from bench.process import ServerFailedError

PATIENCE = 40.0  # seconds after the last arrival: at 70 % one worker alone needs 15 for what came in 5
SETTLE = 0.2  # seconds in which a server accepts connections that ask for nothing


@dataclass(frozen=True)
class Outcome:
    """seconds: the latency of each request since it was due. waited: how many found no free connection."""

    seconds: list[float]
    waited: int


@contextmanager
def without_gc() -> Iterator[None]:
    """The collector would stop the client for as long as a request takes."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class OpenLoop:
    """Sends each request when it is due, on a connection without one, chosen at random."""

    def __init__(self, connections: Connections, arrivals: Arrivals, seed: int) -> None:
        self._connections, self._arrivals = connections, arrivals
        self._free = list(connections)
        self._dice = random.Random(seed)
        self._asked: dict[Connection, int] = {}
        self._due = 0  # how many requests have been due
        self._waiting: deque[int] = deque()
        self._waited = 0
        self._latencies = [0.0] * len(arrivals.due)
        self._answered = 0
        self._began = 0.0

    def _now(self) -> float:
        return time.perf_counter() - self._began

    def run(self) -> Outcome:
        """Returns when all are answered."""
        end = self._arrivals.due[-1] + PATIENCE
        self._began = time.perf_counter()
        while self._answered < len(self._latencies):
            now = self._now()
            if now > end:
                missing = len(self._latencies) - self._answered
                raise ServerFailedError(
                    f"{missing} requests without an answer {PATIENCE:.0f} s after the last"
                )
            self._ask(now)
            for connection in self._connections.ready(self._next_due(end) - self._now()):
                self._receive(connection)
        return Outcome(self._latencies, self._waited)

    def _next_due(self, end: float) -> float:
        due = self._arrivals.due
        return due[self._due] if self._due < len(due) else end

    def _ask(self, now: float) -> None:
        due = self._arrivals.due
        while self._due < len(due) and due[self._due] <= now:
            self._waited += len(self._free) <= len(self._waiting)
            self._waiting.append(self._due)
            self._due += 1
        while self._waiting and self._free:
            self._send(self._waiting.popleft())

    def _send(self, number: int) -> None:
        chosen = self._dice.randrange(len(self._free))
        self._free[chosen], self._free[-1] = self._free[-1], self._free[chosen]
        connection = self._free.pop()
        self._asked[connection] = number
        connection.send(self._arrivals.sleep_ms[number])

    def _receive(self, connection: Connection) -> None:
        if connection.receive() is None:
            return
        number = self._asked.pop(connection)
        self._latencies[number] = self._now() - self._arrivals.due[number]
        self._answered += 1
        self._free.append(connection)


def open_loop(connections: Connections, arrivals: Arrivals, seed: int) -> Outcome:
    """All arrivals on these connections."""
    with without_gc():
        return OpenLoop(connections, arrivals, seed).run()


def closed_loop(connections: Connections, milliseconds: int, seconds: float) -> float:
    """Requests per second of all connections together. The last responses are awaited and not counted."""
    answered, outstanding = 0, set(connections)
    until = time.perf_counter() + seconds
    for connection in connections:
        connection.send(milliseconds)
    while outstanding:
        ready = connections.ready(PATIENCE)
        if not ready:
            raise ServerFailedError(f"{len(outstanding)} connections had no answer for {PATIENCE:.0f} s")
        for connection in ready:
            if connection.receive() is None:
                continue
            if time.perf_counter() < until:
                answered += 1
                connection.send(milliseconds)
            else:
                outstanding.discard(connection)
    return answered / seconds


# ---- balance ----


def fullest_over_mean(owners: Counter[int]) -> float:
    """Connections of the fullest worker over what each would have if all had the same number."""
    return max(owners.values()) * WORKERS / owners.total()


def join_in_one_of_the_ways(connections: Connections, count: int, slowly: bool, asking: bool) -> None:
    """Opens them. At once: all are opened before the first is answered."""
    if slowly:
        connections.join(count, asking=asking)
        return
    opened = [connections.open() for _ in range(count)]
    if asking:
        for connection in opened:
            connection.send(0)
        for connection in opened:
            connection.wait()


def balance(connections: Connections, count: int, slowly: bool, asking: bool) -> float:
    """How uneven the workers' shares are, once so many connections have joined in that way."""
    join_in_one_of_the_ways(connections, count, slowly, asking)
    time.sleep(SETTLE)
    return fullest_over_mean(Counter(connection.ask() for connection in connections))
