"""Runs in a forked worker: signals, application, after_fork, then the native worker until it has drained.

Called by master through the engine, which ends the worker by os._exit after serve() has returned. All that
the application may replace (gevent, eventlet) is bound here, before it is imported.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from time import monotonic
from types import FrameType

from rhebok.board.layout import BOARD_SIZE, SCORE_SIZE
from rhebok.errors import ExitStatus, HookFailed, RequestTimeout, UserError
from rhebok.listening.listeners import Listener, close_all
from rhebok.native.first_steps import FirstSteps
from rhebok.prefork.children import Report
from rhebok.process.bare_signals import DEFAULT
from rhebok.process.exit_handlers import ParentsHandlers
from rhebok.process.log_stream import ErrorLog
from rhebok.process.signals import (
    IGNORED_BY_WORKERS,
    MASTER_SIGNALS,
    QUIT_SIGNAL,
    STOP_SIGNAL,
    TRACEBACK_SIGNAL,
    NotedSignals,
    ignore,
)
from rhebok.process.title import placed_title, set_title
from rhebok.records import TYPE_CHECKING, dataclass
from rhebok.serving import live_objects, patches
from rhebok.serving.app_loading import Application, load_once
from rhebok.serving.channel import Channel
from rhebok.serving.hooks import Hooks
from rhebok.serving.log_level import CHANGED_SIGNAL, LogLevel
from rhebok.serving.many_loops import ManyLoops
from rhebok.serving.native_worker import NativeWorker, WorkerFactory
from rhebok.serving.outputs import Outputs
from rhebok.serving.record_thread import RecordThread
from rhebok.serving.request_limit import request_limit
from rhebok.serving.scoreboard import Scoreboard
from rhebok.serving.time_limit import TimeLimit
from rhebok.serving.worker_end import WorkerEnd
from rhebok.serving.worker_tracebacks import TracebackFile

if TYPE_CHECKING:
    from typing import Any

    from rhebok.native.preparation import Preparation
    from rhebok.serving.cache import SharedCache
    from rhebok.settings.table import Settings

NO_OUTPUTS = Outputs()


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
    hooks: Hooks
    limit: TimeLimit
    title: str  # of their processes
    channel: Channel | None = None  # by which connections move between loops; None: there is one
    cache: SharedCache | None = None
    loops: int = 1  # of each worker
    is_hooked: bool = True  # False: the hooks do nothing at the start of a worker
    outputs: Outputs = NO_OUTPUTS
    prepared: Preparation | None = None  # of the native worker
    files: Sequence[weakref.ref[Any]] = ()  # that the master had open when it had loaded the application


class _Phase(Enum):
    NEW = auto()
    LOADING = auto()  # serving, once there is a native worker
    ENDING = auto()


class _StoppedWhileLoading(BaseException):
    """Raised in the application's import by TERM."""


def _stop_again(unraisable: Any) -> None:
    """The exception came out where Python ignores all, as in a callback of the import system: once more."""
    if unraisable.exc_type is _StoppedWhileLoading:
        os.kill(os.getpid(), STOP_SIGNAL)
    else:
        sys.__unraisablehook__(unraisable)


def _limit_of_requests(settings: Settings) -> int:
    if not settings.max_requests:
        return 0
    # SystemRandom: all workers may have inherited the same state of the random module, which the master has
    # imported.
    from random import SystemRandom

    return request_limit(
        settings.max_requests, settings.min_requests, settings.max_requests_jitter, SystemRandom()
    )


class WorkerProcess:
    """One worker process. Made by the master right before the fork, since what the child makes is memory of
    its own (bare_signals.py); from install_signals on in the child."""

    def __init__(self, service: Service, slot: int, tracebacks: TracebackFile, closed: list[int]) -> None:
        """closed: descriptors, those of all tracebacks among them, which are closed in the child."""
        self._service = service
        self.slot = self._slot = slot
        self.tracebacks = self._tracebacks = tracebacks
        self._phase = _Phase.NEW
        self._threads = service.settings.threads
        self._interrupted: dict[int, object] = {}  # by thread: which request was interrupted last
        self._native: NativeWorker | None = None
        self._hooks = service.hooks
        self._cut = False
        self._records: RecordThread | None = None  # for lines of the access log that handlers in Python get
        self._wakeup_fd = -1
        self._end = WorkerEnd(service.log.logger, service.files)
        title = placed_title(service.title)
        self._is_titled = title[1] != b""
        self._has_event_loops = patches.have_event_loops()
        self._first_steps = FirstSteps(
            self._signal_handlers(),
            closed,
            ParentsHandlers(),
            title,
            traceback_fd=tracebacks.fd,
            log_fd=service.log.stream.fileno(),
            stop=STOP_SIGNAL,
            traceback=int(TRACEBACK_SIGNAL),
            master=service.master_pid,
            life=service.settings.graceful_timeout,
        )
        self._make_worker = self._worker_maker(service.settings)

    def _signal_handlers(self) -> tuple[tuple[int, Callable[[int, FrameType | None], object] | int], ...]:
        """By plain numbers."""
        level = LogLevel(self._service.scoreboard, self._service.log.logger)
        handlers: dict[int, Callable[[int, FrameType | None], object] | int] = {
            **{int(row.signal): DEFAULT for row in MASTER_SIGNALS},
            **dict.fromkeys(map(int, IGNORED_BY_WORKERS), ignore),
            int(STOP_SIGNAL): self._on_stop,
            int(QUIT_SIGNAL): self._on_quit,
            int(TRACEBACK_SIGNAL): self._on_traceback,
            int(CHANGED_SIGNAL): lambda _number, _frame: level.take_over(),
        }
        return tuple(handlers.items())

    def install_signals(self, parents: NotedSignals) -> None:
        """Installs the handlers. Called while signals are still blocked."""
        self._wakeup_fd = self._first_steps.take(parents.pipe.descriptors)
        if self._has_event_loops:
            patches.renew_after_fork()

    def serve(self, report: Report) -> int:
        """Serves until it has drained, and ends as the interpreter does. Returns the exit status."""
        status = 1
        try:
            self._phase = _Phase.LOADING
            if not self._is_titled:
                set_title(self._service.title)
            status = self._serve(report)
        except _StoppedWhileLoading:
            self._phase = _Phase.ENDING
            status = 0
        except BaseException:
            self._service.log.logger.exception("the worker failed")
        self._phase = _Phase.ENDING
        if status:  # the master does not know that this is the end
            limit = max(0.001, self._service.settings.graceful_timeout)
            try:
                faulthandler.dump_traceback_later(limit, file=self._service.log.stream, exit=True)
            except RuntimeError:  # it takes a thread; without a bound nothing else may run
                return status
        self._hooks.worker_ends()
        self._end.run()
        if os.getppid() != self._service.master_pid:  # it was killed
            with suppress(Exception):
                self._hooks.orphaned(status)
        self._flush()
        return status

    def _serve(self, report: Report) -> int:
        """Reports ready after all that can fail."""
        try:
            if not self._service.is_hooked:
                app = self._service.app or load_once(self._service.settings)
            else:
                self._hooks.in_worker(self._requests, report.want_successor)
                app = self._service.app or load_once(self._service.settings)
                app = self._hooks.application(app)
        except HookFailed as error:
            return error.status
        except UserError as error:
            self._service.log.logger.error("%s", error.with_detail)
            return error.status
        self._native = self._make_native(app, report)
        try:
            self._native.prepare()
            if self._records:
                self._records.start(self._native.take_records)
        except (RuntimeError, MemoryError) as error:
            text = "cannot start all threads of a worker (--threads %d): %s; a limit (ulimit -u, -v)?"
            reason = str(error) or type(error).__name__
            self._service.log.logger.error(text, self._service.settings.threads, reason)
            return ExitStatus.FAILED
        report.ready()
        self._native.run()
        self._phase = _Phase.ENDING
        self._flush()
        report.ending()
        return 0 if live_objects.all_gone(self._service.log.logger) else 1

    def _requests(self) -> int:
        """How many it has got so far."""
        return sum(score.requests for score in self._service.scoreboard.read(self._slot))

    def _worker_maker(self, settings: Settings) -> Callable[..., NativeWorker]:
        """With what is known before the fork."""
        service = self._service
        loops = settings.threads if service.loops > 1 else 1
        make_worker: Callable[..., NativeWorker] = service.make_worker
        if loops > 1:
            make_worker = partial(ManyLoops, make_worker, partial(service.scoreboard.read, self._slot))
        return partial(
            make_worker,
            errors=service.log.stream,
            logger=service.log.logger,
            multiprocess=settings.workers > 1,
            score=service.scoreboard.view(self._slot)[: settings.threads * SCORE_SIZE],
            board=service.scoreboard.board(self._slot)[: loops * BOARD_SIZE] if settings.board else None,
            timeout=service.limit.seconds,
            on_last_accept=lambda: close_all(service.listeners),
            access_log=service.outputs.access_log,
            statsd=service.outputs.statsd,
            on_access=service.outputs.on_access,
            channel=service.channel,
            cache=service.cache,
            slot=self._slot * service.loops,
            **({"prepared": service.prepared} if service.prepared and settings is service.settings else {}),
        )

    def _make_native(self, app: Application, report: Report) -> NativeWorker:
        service = self._service
        settings = service.settings if self._threads == 1 else self._with_working_threads()
        if service.outputs.records:
            self._records = RecordThread(service.outputs.records, service.log.logger)
        if settings is not service.settings:
            self._make_worker = self._worker_maker(settings)
        return self._make_worker(
            app,
            service.listeners,
            settings,
            wakeup_fd=self._wakeup_fd,
            max_requests=_limit_of_requests(settings) if settings.max_requests else 0,
            on_limit=report.want_successor,
            records=self._records,
        )

    def _with_working_threads(self) -> Settings:
        settings, warning = patches.without_threads(self._service.settings)
        if warning:
            self._threads = 1
            if self._slot == 0:  # one line, not one from each worker
                self._service.log.logger.warning("%s", warning)
        return settings

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._phase is _Phase.NEW:
            os._exit(0)
        self._hooks.told_to_stop()
        if self._phase is _Phase.LOADING and self._native is not None:
            self._stop()
        elif self._phase is _Phase.LOADING:  # no client waits for a response
            sys.unraisablehook = _stop_again
            raise _StoppedWhileLoading

    def _stop(self) -> None:
        assert self._native is not None
        patience = self._service.settings.graceful_timeout
        if self._service.scoreboard.generation_stops:
            self._native.stop(patience / 2)  # the other half is for finishing the requests
        else:
            self._native.stop()

    def _on_traceback(self, _number: int, _frame: FrameType | None) -> None:
        """Writes the traceback to the log, then interrupts the late requests."""
        with suppress(OSError, RuntimeError):  # this handler has interrupted a write to the log
            self._tracebacks.pass_on()
        late = self._late_threads()
        if self._native is None or not late:
            return
        self._interrupted |= late
        self._stop()
        self._hooks.late()
        if self._threads == 1:  # this thread, so the request is further down the stack
            raise RequestTimeout(f"no progress within {self._service.limit}")
        for thread in late:
            self._native.interrupt(thread, RequestTimeout)

    def _late_threads(self) -> dict[int, object]:
        """By thread, its current request, if that is late and was not interrupted yet."""
        return {
            thread: (score.requests, score.deadline)
            for thread, score in enumerate(self._service.scoreboard.read(self._slot))
            if score.deadline is not None
            and monotonic() >= score.deadline
            and (score.requests, score.deadline) != self._interrupted.get(thread)
        }

    def _on_quit(self, _number: int, frame: FrameType | None) -> None:
        if self._cut:  # the signal is repeated, and a hook still runs
            return
        self._cut, native = True, self._native
        if left := self._end.cut(frame):
            with suppress(RuntimeError):
                self._service.log.logger.warning("ended before it was done: %s", left)
        if native and (cut := native.in_progress()):
            with suppress(RuntimeError):  # this handler has interrupted a write to the log
                self._service.log.logger.warning("stopping at once; cut: %s", ", ".join(cut))
            native.log_cut()
        self._flush()  # before the hooks, which may take too long
        if self._phase is not _Phase.NEW:
            self._hooks.cut()
            self._hooks.worker_ends()
            self._flush()
        os._exit(0)

    def _flush(self) -> None:
        if self._native is not None:
            self._native.flush_logs()
        if self._records is not None:
            self._records.finish()
        for stream in (sys.stdout, sys.stderr, self._service.log.stream):
            with suppress(OSError, ValueError, AttributeError, RuntimeError):  # closed, full, missing, busy
                stream.flush()
