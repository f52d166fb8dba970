"""Metrics of the master for statsd: the number of workers, and the connections that wait to be accepted."""

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic

from rhebok.listening.listeners import Listener
from rhebok.process.statsd import Statsd

EVERY = 1.0  # seconds between two looks at the queues

QueueLength = Callable[[int, bool], int | None]


def accept_queue_length() -> QueueLength:
    """Imported late, as all of the compiled worker."""
    from rhebok.native.worker import accept_queue_length as length

    return length


class MasterMetrics:
    """Looked at by the master, before and after each wait."""

    def __init__(self, statsd: Statsd | None, queue_length: QueueLength | None = None) -> None:
        """queue_length: rhebok.native.worker.accept_queue_length; None: the queues are not looked at."""
        self._statsd = statsd
        self._queue_length = None if statsd is None else queue_length
        self._workers = 0
        self._sent_workers = 0
        self._queues_at = 0.0
        self._ended = False

    def forked(self) -> None:
        self._workers += 1

    def reaped(self) -> None:
        self._workers -= 1

    def generation_stops(self) -> None:
        """From now on the successor's figures count."""
        self._ended = True

    def look(self, listeners: Sequence[Listener]) -> None:
        if self._statsd is None or self._ended:
            return
        if self._workers != self._sent_workers:
            self._sent_workers = self._workers
            self._statsd.gauge("gunicorn.workers", self._workers)
        if self._queue_length and monotonic() >= self._queues_at:
            self._queues_at = monotonic() + EVERY
            self._send_queues(self._statsd, self._queue_length, listeners)

    def next_at(self) -> float:
        if self._statsd is None or self._ended:
            return inf
        if self._workers != self._sent_workers:
            return monotonic()
        return self._queues_at if self._queue_length else inf

    def _send_queues(self, statsd: Statsd, length: QueueLength, listeners: Sequence[Listener]) -> None:
        found = [length(each.fileno(), each.is_unix) for each in listeners if each.fileno() >= 0]
        known = [number for number in found if number is not None]
        if known:
            statsd.histogram("gunicorn.backlog", sum(known))
