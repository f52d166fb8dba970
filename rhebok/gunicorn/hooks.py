"""The hooks of a file of gunicorn, at the moments of rhebok.serving.hooks.Hooks. Made by launch.

What fails is treated as gunicorn treats it: a hook in the master ends the server, so does one that a worker
runs before it serves, and others are logged.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from rhebok.errors import ExitStatus, HookFailed
from rhebok.gunicorn import metrics_of_master
from rhebok.gunicorn.cfg import GunicornConfig
from rhebok.gunicorn.facades import ListeningSocket, Log, Server, Worker
from rhebok.gunicorn.request_hooks import RequestHooks
from rhebok.settings.configuration import Config

WORKER_FAILED = ExitStatus.WORKERS  # of a worker whose post_fork or post_worker_init has failed


# Called in the master before the application is loaded.
BEFORE_LOADING = frozenset(("pre_exec", "nworkers_changed", "on_starting", "on_reload"))


class GunicornHooks:
    """Made in the master; each worker has a copy."""

    def __init__(
        self, config: Config, log: logging.Logger, own_log: Any = None, load: Callable[[], Any] = lambda: None
    ) -> None:
        """own_log: an instance of the user's logger_class, which hooks get as `log`. load: what
        server.app.wsgi() calls before the application is loaded."""
        self._functions = config.hooks
        self._log = log
        # Who has not asked for preload expects on_starting before the application is imported.
        self._starts_early = config.settings.preload is not True
        self._later = False
        cfg = GunicornConfig(config, config.hooks)
        self._server = Server(cfg, own_log or Log(log, cfg), load)
        self._worker = Worker(self._server)  # the one that is forked next, and in a worker itself
        self._worker_ended = False

    # In the master

    def begins(self, listeners: Sequence[Any], generation: int) -> None:
        self._server.LISTENERS = [ListeningSocket(each) for each in listeners]
        self._later = generation > 1
        if self._later:
            self._must("pre_exec", self._server)
        self._must("nworkers_changed", self._server, self._server.num_workers, None)
        if self._starts_early:
            self._starting()

    def loaded(self, app: Any) -> None:
        self._server.app.callable = app
        if not self._starts_early:
            self._starting()

    def _starting(self) -> None:
        self._must("on_starting", self._server)
        if self._later:
            self._must("on_reload", self._server)

    def listens(self) -> None:
        self._must("when_ready", self._server)

    def before_fork(self) -> None:
        self._server.worker_age += 1
        self._worker = Worker(self._server)
        self._must("pre_fork", self._server, self._worker)

    def forked(self, pid: int) -> None:
        self._worker.pid = pid
        self._server.WORKERS[pid] = self._worker

    def resized(self, wanted: int, before: int) -> None:
        self._server.num_workers = wanted
        self._must("nworkers_changed", self._server, wanted, before)

    def recycles(self) -> None:
        self._must("on_reload", self._server)

    def reaped(self, pid: int, status: int) -> None:
        worker = self._server.WORKERS.pop(pid, None)
        if status == WORKER_FAILED:
            raise HookFailed("post_fork or post_worker_init", WORKER_FAILED, quick=False)
        if worker:
            self._must("child_exit", self._server, worker)

    def ended(self) -> None:
        self._must("on_exit", self._server)

    def master_died(self, pid: int, status: int) -> None:
        """child_exit is for workers. What most files do there has to be done for masters too."""
        if "child_exit" in self._functions:
            metrics_of_master.forget(pid)

    # In a worker

    def in_worker(self, requests: Callable[[], int], retire: Callable[[], None]) -> None:
        self._worker.enter(requests, retire)
        self._must("post_fork", self._server, self._worker, status=WORKER_FAILED)

    def application(self, app: Any) -> Any:
        worker = self._worker
        worker.wsgi = worker.app.callable = app
        self._must("post_worker_init", worker, status=WORKER_FAILED)
        worker.booted = True
        pre, post = self._functions.get("pre_request"), self._functions.get("post_request")
        if not (pre or post):
            return worker.wsgi
        return RequestHooks(worker, pre, post, self._log).around(worker.wsgi)

    def told_to_stop(self) -> None:
        self._worker.stops()

    def late(self) -> None:
        self._worker.stops()
        self._worker.aborted = True
        self._may("worker_abort", self._worker)

    def cut(self) -> None:
        self._worker.stops()
        if not self._worker_ended:
            self._may("worker_int", self._worker)

    def worker_ends(self) -> None:
        self._worker.stops()
        if not self._worker_ended:
            self._worker_ended = True
            self._may("worker_exit", self._server, self._worker)

    def orphaned(self, status: int) -> None:
        """Files of this worker are to be cleaned up, and no master does it."""
        self._may("child_exit", self._server, self._worker)

    # The calls

    def _must(self, name: str, *arguments: Any, status: ExitStatus = ExitStatus.FAILED) -> None:
        """Raises HookFailed."""
        try:
            self._call(name, *arguments)
        except SystemExit as error:  # with its own status, and otherwise without a word
            self._log.error("the hook %s has called sys.exit(%r)", name, error.code)
            raise
        except Exception:
            self._log.exception("the hook %s failed", name)
            raise HookFailed(name, status) from None

    def _may(self, name: str, *arguments: Any) -> None:
        """Of a worker that ends: sys.exit() is what happens anyway, and must not go through the request or
        the signal handler that has called this."""
        try:
            self._call(name, *arguments)
        except SystemExit:
            return
        except Exception:
            self._log.exception("the hook %s failed", name)

    def _call(self, name: str, *arguments: Any) -> None:
        function = self._functions.get(name)
        if function:
            function(*arguments)
