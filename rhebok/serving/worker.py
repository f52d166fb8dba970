"""Runs in a forked worker: signals, application, after_fork, then the native worker until it has drained.

Called by master through the engine, which ends the worker by os._exit: exit handlers belong to the master.
"""

import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from types import FrameType
from typing import Protocol, TextIO

from rhebok.errors import ExitStatus, RequestTimeout, UserError
from rhebok.listening.listeners import Listener, close_all
from rhebok.native import thread_stacks
from rhebok.native.orphan import limit_life
from rhebok.prefork.children import Report
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.forked_child import give_children_default_signals
from rhebok.process.logs import ErrorLog
from rhebok.process.signals import (
    IGNORED_BY_WORKERS,
    QUIT_SIGNAL,
    STOP_SIGNAL,
    TRACEBACK_SIGNAL,
    WakeupPipe,
    ignore,
)
from rhebok.serving import live_objects
from rhebok.serving.app_loading import Application, load_app
from rhebok.serving.hooks import WorkerInfo, load_after_fork
from rhebok.serving.request_limit import request_limit
from rhebok.serving.scoreboard import Scoreboard
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
        """Writes the buffered lines of the access log."""


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
        timeout: float = 0,
        on_limit: Callable[[], object] | None = None,
        on_last_accept: Callable[[], object] | None = None,
    ) -> NativeWorker: ...


@dataclass(frozen=True)
class Service:
    """What all workers have in common. Made by the master before it forks."""

    settings: Settings
    listeners: Sequence[Listener]
    log: ErrorLog
    make_worker: WorkerFactory
    app: Application | None  # None: each worker loads it
    master_pid: int
    scoreboard: Scoreboard


class WorkerProcess:
    """One worker process. Made in the child."""

    def __init__(self, service: Service, slot: int) -> None:
        self._service = service
        self._slot = slot
        self._interrupted: dict[int, int] = {}  # by thread: the number of the last interrupted request
        self._native: NativeWorker | None = None
        self._wakeup: WakeupPipe | None = None

    def install_signals(self) -> None:
        """Installs the handlers. Called while signals are still blocked."""
        self._wakeup = WakeupPipe()
        signal.signal(STOP_SIGNAL, self._on_stop)
        signal.signal(QUIT_SIGNAL, self._on_quit)
        faulthandler.unregister(TRACEBACK_SIGNAL)  # of the master, from the time of loading
        signal.signal(TRACEBACK_SIGNAL, self._on_traceback)
        # Before that handler, C writes the traceback at once, whatever the interpreter is doing.
        faulthandler.register(TRACEBACK_SIGNAL, self._service.log.stream, all_threads=True, chain=True)
        thread_stacks.install(self._service.log.stream.fileno())
        for number in IGNORED_BY_WORKERS:
            signal.signal(number, ignore)
        give_children_default_signals()
        # Without a master nothing else would end a worker that hangs, and it holds the port.
        limit_life(STOP_SIGNAL, self._service.master_pid, self._service.settings.graceful_timeout)
        signal_when_parent_dies(STOP_SIGNAL, self._service.master_pid)

    def serve(self, report: Report) -> int:
        """Serves until it has drained. Returns the exit status. Reports ready after all that can fail."""
        try:
            app = self._service.app or load_app(self._service.settings.app)
            self._call_after_fork()
        except UserError as error:
            self._service.log.logger.error("%s", error.with_detail)
            return error.status
        self._native = self._make_native(app, report)
        try:
            self._native.prepare()
        except (RuntimeError, MemoryError) as error:
            text = "cannot start all threads of a worker (--threads %d): %s; a limit (ulimit -u, -v)?"
            reason = str(error) or type(error).__name__
            self._service.log.logger.error(text, self._service.settings.threads, reason)
            return ExitStatus.FAILED
        report.ready()
        self._native.run()
        self._flush()
        return 0 if live_objects.all_gone(self._service.log.logger) else 1

    def _call_after_fork(self) -> None:
        hook = load_after_fork(self._service.settings)
        if hook:
            settings, log = self._service.settings, self._service.log.logger
            hook(WorkerInfo(os.getpid(), self._service.master_pid, settings, log))

    def _make_native(self, app: Application, report: Report) -> NativeWorker:
        service, settings = self._service, self._service.settings
        assert self._wakeup is not None
        # SystemRandom: all workers may have inherited the same state of the random module.
        limit = request_limit(
            settings.max_requests, settings.min_requests, settings.max_requests_jitter, SystemRandom()
        )
        return service.make_worker(
            app,
            service.listeners,
            settings,
            errors=service.log.stream,
            logger=service.log.logger,
            wakeup_fd=self._wakeup.read_end,
            max_requests=limit,
            multiprocess=settings.workers > 1,
            score=service.scoreboard.view(self._slot),
            timeout=settings.timeout,
            on_limit=report.want_successor,
            on_last_accept=lambda: close_all(service.listeners),
        )

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._native is None:
            os._exit(0)  # not serving yet: no client waits for a response
        self._stop()

    def _stop(self) -> None:
        assert self._native is not None
        patience = self._service.settings.graceful_timeout
        if self._service.scoreboard.generation_stops:
            self._native.stop(patience / 2)  # the other half is for finishing the requests
        else:
            self._native.stop()

    def _on_traceback(self, _number: int, _frame: FrameType | None) -> None:
        """Interrupts the late requests. The traceback is in the log already."""
        late = self._late_threads()
        if self._native is None or not late:
            return
        self._interrupted |= late
        self._stop()
        if self._service.settings.threads == 1:  # this thread, so the request is further down the stack
            raise RequestTimeout(f"no response within {self._service.settings.timeout:g} s (--timeout)")
        for thread in late:
            self._native.interrupt(thread, RequestTimeout)

    def _late_threads(self) -> dict[int, int]:
        """By thread, the number of its current request, if that is late and was not interrupted yet."""
        return {
            thread: score.requests
            for thread, score in enumerate(self._service.scoreboard.read(self._slot))
            if score.deadline is not None
            and time.monotonic() >= score.deadline
            and score.requests != self._interrupted.get(thread)
        }

    def _on_quit(self, _number: int, _frame: FrameType | None) -> None:
        native = self._native
        if native and (cut := native.in_progress()):
            with suppress(RuntimeError):  # this handler has interrupted a write to the log
                self._service.log.logger.warning("stopping at once; cut: %s", ", ".join(cut))
            native.log_cut()
        self._flush()
        os._exit(0)

    def _flush(self) -> None:
        if self._native is not None:
            self._native.flush_logs()
        for stream in (sys.stdout, sys.stderr, self._service.log.stream):
            with suppress(OSError, ValueError, AttributeError, RuntimeError):  # closed, full, missing, busy
                stream.flush()
