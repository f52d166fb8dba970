"""rhebok.native.worker.Worker as worker.py uses it, or what stands in its place (many_loops.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rhebok.listening.listeners import Listener
from rhebok.process.logs import AccessLogFile
from rhebok.process.statsd import Statsd
from rhebok.records import TYPE_CHECKING, Protocol
from rhebok.serving.app_loading import Application
from rhebok.serving.channel import Channel
from rhebok.serving.outputs import OnAccess
from rhebok.serving.record_thread import RecordThread

if TYPE_CHECKING:
    import logging
    from typing import TextIO

    from rhebok.native.preparation import Preparation
    from rhebok.serving.cache import SharedCache
    from rhebok.settings.table import Settings


class NativeWorker(Protocol):
    """The part of rhebok.native.worker.Worker that is used here."""

    def prepare(self) -> None:
        """What can fail before run(): starts its threads. Raises RuntimeError or MemoryError."""

    def run(self) -> None:
        """Serves until it is stopped; returns when it has drained. Python signal handlers run inside."""

    def stop(self, last_seconds: float | None = None) -> None:
        """Stops accepting, finishes all requests, returns from run(). May be called from a signal handler.

        With last_seconds it first accepts the connections in the accept queues, for so many seconds at most.
        """

    def interrupt(self, number: int, exception: type[BaseException]) -> None:
        """Raises the exception in the current request of that thread, if any. With several threads."""

    def in_progress(self) -> list[str]:
        """Method and target of the current requests and of those whose responses wait for their clients."""

    def log_cut(self) -> None:
        """Writes lines to the access log for upgraded connections, which are cut now."""

    def flush_logs(self) -> None:
        """Writes the buffered lines of the access log, and sends the buffered metrics."""

    def take_records(self) -> tuple[bytes, int]:
        """What waits for the RecordThread, and how many lines were lost."""


class WorkerFactory(Protocol):
    """The constructor of rhebok.native.worker.Worker."""

    def __call__(
        self,
        app: Application,
        listeners: Sequence[Listener],
        settings: Settings,
        *,
        errors: TextIO,
        logger: logging.Logger,
        wakeup_fd: int,
        max_requests: int,
        multiprocess: bool,
        score: memoryview | None = None,
        board: memoryview | None = None,
        timeout: float = 0,
        on_limit: Callable[[], object] | None = None,
        on_last_accept: Callable[[], object] | None = None,
        access_log: AccessLogFile | None = None,
        statsd: Statsd | None = None,
        records: RecordThread | None = None,
        on_access: OnAccess | None = None,
        channel: Channel | None = None,
        cache: SharedCache | None = None,
        slot: int = 0,
        prepared: Preparation | None = None,
    ) -> NativeWorker: ...
