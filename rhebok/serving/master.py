"""The master of a generation: loads the application, then lets the engine keep workers on the listeners.

Called by launch, which passes the listeners: the process that has bound them may be another one.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import os
import weakref
from collections.abc import Callable, Sequence
from signal import SIG_BLOCK, SIG_SETMASK, getsignal, pthread_sigmask
from signal import signal as set_handler

from rhebok import __version__
from rhebok.errors import EndedWith, ExitStatus, HookFailed, UserError
from rhebok.listening.listeners import Listener, close_all
from rhebok.prefork.callbacks import Callbacks, Verdict
from rhebok.prefork.engine import Prefork, TooManyFailures
from rhebok.prefork.options import Options
from rhebok.prefork.spawn_pace import MAX_START_FAILURES
from rhebok.process import written_files
from rhebok.process.forked_child import watch_forks
from rhebok.process.log_stream import ErrorLog
from rhebok.process.open_files import close_stdin
from rhebok.process.signals import TRACEBACK_SIGNAL, ignore_for_good
from rhebok.records import TYPE_CHECKING
from rhebok.serving import patches
from rhebok.serving.app_loading import Application, load_once
from rhebok.serving.channel import Channel
from rhebok.serving.common_memory import prepare_native, settle
from rhebok.serving.hooks import Hooks
from rhebok.serving.life_watch import LifeWatch
from rhebok.serving.log_level import LogLevel
from rhebok.serving.many_loops import gil_is_off
from rhebok.serving.master_desk import MasterDesk, master_desk
from rhebok.serving.metrics import MasterMetrics, accept_queue_length
from rhebok.serving.named_hooks import NamedHooks, load_after_fork
from rhebok.serving.native_worker import WorkerFactory
from rhebok.serving.outputs import Outputs
from rhebok.serving.preloading import Preloading
from rhebok.serving.scoreboard import Scoreboard, capacity
from rhebok.serving.time_limit import time_limit
from rhebok.serving.watch import WorkerWatch
from rhebok.serving.worker import Service, WorkerProcess
from rhebok.serving.worker_states import WorkerStates
from rhebok.serving.worker_tracebacks import TracebackFile, WorkerTracebacks
from rhebok.superdaemon import titles
from rhebok.superdaemon.notify import Notifier
from rhebok.superdaemon.supervised import generation, killed_masters, supervisor

if TYPE_CHECKING:
    from typing import Any

    from rhebok.serving.cache import SharedCache
    from rhebok.settings.table import Settings
    from rhebok.superdaemon.exporter import Exporter

MANY_WORKERS = 16  # TTIN may make as many, or four times --workers

NO_OUTPUTS = Outputs()

WorkerSource = Callable[["Settings"], WorkerFactory]


class Master:
    """The master. `run` does everything."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[Listener],
        log: ErrorLog,
        worker_source: WorkerSource,
        descriptors: Sequence[int] = (),
        notifier: Notifier | None = None,
        outputs: Outputs = NO_OUTPUTS,
        hooks: Hooks | None = None,
        preloading: Preloading | None = None,
        exporter: Exporter | None = None,
    ) -> None:
        """descriptors: of the master alone. exporter: the process for --metrics-bind, where there is no
        supervisor of ours."""
        self._settings = settings
        self._listeners = listeners
        self._log = log
        self._worker_source = worker_source
        self._notifier = notifier or Notifier()
        self._outputs = outputs
        self._metrics = MasterMetrics(
            outputs.statsd, accept_queue_length() if settings.enable_backlog_metric else None
        )
        self._preloading = preloading or Preloading(settings, log.logger)
        slots = capacity(settings.workers)
        self._loops = settings.threads if gil_is_off() else 1  # of each worker
        self._scoreboard = Scoreboard(
            settings.threads,
            slots,
            with_queries=settings.log_queries,
            boards=self._loops if settings.board else 0,
        )
        self._channel: Channel | None = None  # one loop has nobody to share with
        self._cache: SharedCache | None = None
        self._tracebacks = WorkerTracebacks(log.stream)
        self._tracebacks.descriptors += descriptors
        ask = self._tracebacks.ask
        self._watch = WorkerWatch(settings, self._scoreboard, log.logger, ask=ask)
        self._level = LogLevel(self._scoreboard, log.logger)
        self._states = WorkerStates(settings, self._scoreboard)
        self._life = LifeWatch(settings, self._scoreboard, self._notifier, log.logger, ask=ask)
        self._desks: list[MasterDesk] = []  # one, without a supervisor of ours
        self._exporter = exporter
        self._traceback_installed = False
        self._pid = os.getpid()
        self._hooks = hooks or NamedHooks(settings, log.logger)

    def run(self) -> None:
        """Serves until it is told to stop. Raises UserError when the application or too many workers fail."""
        settings = self._settings
        if settings.spawn_interval:
            self._notifier.workers_take(settings.workers * settings.spawn_interval)
        close_stdin()
        atexit.register(ignore_for_good)  # before all others, so it runs after them
        for pid, status in killed_masters():  # which could not call it themselves
            self._hooks.master_died(pid, status)
        try:
            self._serve()
        except HookFailed as error:
            self._log.logger.critical("%s: the server ends", error)
            raise EndedWith(error.status) from None
        finally:
            # Its own end is one too: there are files of its pid, such as those of prometheus_client.
            self._hooks.master_died(self._pid, 0)
        self._log.logger.info("stopped")

    def _serve(self) -> None:
        """From the first hook to the last."""
        number = generation()
        self._hooks.begins(self._listeners, int(number) if number.isdecimal() else 0)
        service = self._load()
        self._hooks.listens()
        self._announce()
        failure: Exception | None = None
        if supervisor() is None:
            log = self._log.logger
            self._desks = [
                master_desk(self._settings, self._listeners, self._scoreboard, log, number, self._exporter)
            ]
        try:
            Prefork(self._options(), self._callbacks(service), self._log.logger).run()
        except TooManyFailures as error:
            failure = UserError(f"{error}; see the error log for the reason", ExitStatus.WORKERS)
        except HookFailed as error:
            if error.quick:
                raise
            failure = error
        self._hooks.ended()
        if failure:
            raise failure

    def _load(self) -> Service:
        """All that the workers share, frozen: the garbage collector must not write to shared pages."""
        settings = self._settings
        if settings.max_requests:
            importlib.import_module("random")  # for request_limit, in memory that the workers share
        make_worker = self._worker_source(settings)  # first: the application may replace what it imports
        watch_forks(self._close_in_forked_child)
        app = self._preloading.load(self._load_for_all, self._takes_longer)
        if app:
            settings, warning = patches.without_threads(settings)
            if warning:
                self._log.logger.warning("%s", warning)
        self._hooks.loaded(app)
        files = self._write_files()
        settle()
        if settings.workers * self._loops > 1:
            self._channel = Channel(self._scoreboard, settings.workers, self._settings.threads, self._loops)
        if settings.cache:
            self._cache = self._make_cache()
        prepared = prepare_native(settings, self._listeners, self._log) if self._loops == 1 else None
        gc.freeze()
        return Service(
            settings,
            self._listeners,
            self._log,
            make_worker,
            app,
            self._pid,
            self._scoreboard,
            self._hooks,
            time_limit(self._settings),  # of the threads that were asked for
            titles.worker(settings),
            channel=self._channel,
            cache=self._cache,
            loops=self._loops,
            is_hooked=not isinstance(self._hooks, NamedHooks) or settings.after_fork is not None,
            outputs=self._outputs,
            prepared=prepared,
            files=files,
        )

    def _make_cache(self) -> SharedCache:
        from rhebok.serving.cache import SharedCache  # most servers have none

        settings = self._settings
        try:
            return SharedCache(settings.cache, self._scoreboard, settings.workers, self._loops)
        except (OSError, ValueError) as error:
            text = f"no cache of {settings.cache} bytes can be made: {error}"
            raise UserError(text, ExitStatus.USAGE) from None

    def _load_for_all(self) -> Application:
        """The function of the workers too: its module may leave something behind, and a mistake in it need
        not wait for the fork."""
        app = load_once(self._settings)
        load_after_fork(self._settings)
        return app

    def _takes_longer(self, seconds: float) -> None:
        """The start has so much more time."""
        workers_take = self._settings.workers * self._settings.spawn_interval
        self._notifier.workers_take(workers_take + seconds)

    def _close_in_forked_child(self) -> None:
        """In a process that the application has forked."""
        close_all(self._listeners)
        if self._channel:
            self._channel.close()
        if self._cache:
            self._cache.close()
        if self._exporter:
            self._exporter.forget()
        while self._tracebacks.descriptors:  # none in a worker, and in a child of such a process
            os.close(self._tracebacks.descriptors.pop())

    def _write_files(self) -> list[weakref.ref[Any]]:
        """What the import has left in buffers is written once, here; each worker has a copy of them."""
        files = written_files.find()
        written_files.flush(files, lambda file, error: self._log.logger.warning("%r: %s", file, error))
        return written_files.remember(files)

    def _announce(self) -> None:
        where = ", ".join(listener.name for listener in self._listeners)
        text = "rhebok %s serves %s at %s (workers: %d)"
        self._log.logger.info(text, __version__, self._settings.app, where, self._settings.workers)

    def _options(self) -> Options:
        settings = self._settings
        return Options(
            max_workers=settings.workers,
            spawn_interval=settings.spawn_interval,
            err_respawn_interval=settings.err_respawn_interval,
            graceful_timeout=settings.graceful_timeout,
            # A change may have broken the application (--no-preload), and the next one is waited for.
            max_start_failures=1 if settings.reload else MAX_START_FAILURES,
            most_workers=max(MANY_WORKERS, 4 * settings.workers),
        )

    def _callbacks(self, service: Service) -> Callbacks:
        hooks = self._hooks
        looked_at = (self._watch, self._life, self._tracebacks, self._metrics)

        def before_fork() -> WorkerProcess:
            self._show_where_it_hangs()
            slot, file = self._scoreboard.claim_slot(), self._tracebacks.before_fork()
            try:
                hooks.before_fork()
                return WorkerProcess(service, slot, file, self._tracebacks.descriptors)
            except BaseException:
                self._give_back(slot, file)
                raise

        def forked(worker: WorkerProcess, pid: int) -> None:
            self._tracebacks.forked(worker.tracebacks, pid)
            self._watch.forked(pid, worker.slot)
            self._states.forked(pid, worker.slot)
            self._life.forked(pid, worker.slot)
            if self._cache:
                self._cache.forked(pid, worker.slot)
            self._metrics.forked()
            hooks.forked(pid)

        def on_child_reap(pid: int, status: int) -> None:
            self._tracebacks.reaped(pid)
            self._life.reaped(pid)
            if self._cache:
                self._cache.reaped(pid)
            self._metrics.reaped()
            self._states.reaped(pid, status)
            self._watch.reaped(pid)
            hooks.reaped(pid, status)

        return Callbacks(
            before_fork=before_fork,
            after_fork=self._after_fork if self._desks else None,
            on_child_reap=on_child_reap,
            forked=forked,
            not_forked=lambda worker: self._give_back(worker.slot, worker.tracebacks),
            at_once=isinstance(hooks, NamedHooks) and not hooks.calls_before_fork,
            resized=hooks.resized,
            all_ready=self._all_ready,
            stop_begins=self._stop_begins,
            gradual_stop_begins=self._notifier.workers_take,
            replaced_as_a_whole=self._deploy_instead,
            verdicts=self._verdicts,
            descriptors=lambda: [fd for desk in self._desks for fd in desk.descriptors()],
            verdicts_at=lambda: min(
                *(each.next_at() for each in looked_at), *(d.next_at() for d in self._desks)
            ),
            child_ready=self._ready,
            show_loading=self._show_loading,
            current_requests=self._watch.current_requests,
        )

    def _verdicts(self) -> dict[int, Verdict]:
        self._tracebacks.look()
        for desk in self._desks:
            desk.look()
        self._level.look(self._states.pids())
        self._metrics.look(self._listeners)
        found = {**self._watch.verdicts(), **self._life.verdicts()}
        self._states.leaving(found, self._watch.causes)
        return found

    def _give_back(self, slot: int, file: TracebackFile) -> None:
        """Of a worker that is not there after all."""
        self._scoreboard.release_slot(slot)
        self._tracebacks.forget(file)

    def _after_fork(self) -> None:
        for desk in self._desks:
            desk.forget()

    def _all_ready(self) -> None:
        for desk in self._desks:
            desk.serves()
        self._notifier.serving(f"{self._settings.workers} workers serve", self._scoreboard.fd)

    def _ready(self, pid: int) -> None:
        self._life.ready(pid)
        self._states.ready(pid)

    def _show_loading(self, pids: Sequence[int]) -> None:
        """The supervisor asks where a generation hangs that is not ready: that is where its workers are."""
        for pid in pids:
            self._log.logger.error("worker %d is not ready yet; this is where it is:", pid)
            self._tracebacks.ask(pid)

    def _show_where_it_hangs(self) -> None:
        """Once, as soon as the engine has its handlers: before the handler of that signal, C writes the
        traceback, also while a hook blocks."""
        if self._traceback_installed:
            return
        self._traceback_installed = True
        mask = pthread_sigmask(SIG_BLOCK, [TRACEBACK_SIGNAL])
        handler = getsignal(TRACEBACK_SIGNAL)
        faulthandler.unregister(TRACEBACK_SIGNAL)  # of the time of loading, which was without a chain
        set_handler(TRACEBACK_SIGNAL, handler)
        faulthandler.register(TRACEBACK_SIGNAL, self._log.stream, all_threads=True, chain=True)
        pthread_sigmask(SIG_SETMASK, mask)

    def _deploy_instead(self) -> bool:
        """HUP asks for new code, and only the supervisor can start that."""
        pid = supervisor()
        if pid is not None and self._notifier.deploy():
            self._log.logger.info("HUP passed on to the supervisor, pid %d: send signals there", pid)
        elif pid is not None:
            self._log.logger.warning("HUP could not be passed on: send it to the supervisor, pid %d", pid)
        else:
            self._states.recycled()
            self._hooks.recycles()
        return pid is not None

    def _stop_begins(self) -> None:
        """The workers serve the accept queues before they stop; the queues close with the last worker."""
        self._scoreboard.note_generation_stops()
        self._states.generation_stops()
        for desk in self._desks:
            desk.close()
        self._metrics.generation_stops()
        close_all(self._listeners)
