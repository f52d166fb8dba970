"""--before-fork, --after-fork and --on-child-reap: functions that are named, and their arguments.

before_fork(master)         in the master, before each fork
after_fork(worker)          in the worker, before it serves
on_child_reap(pid, status)  in the master; a negative status is the signal that ended the worker. The last
                            call is for the master itself, right before its end
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from rhebok.listening.listeners import Listener
from rhebok.records import TYPE_CHECKING, dataclass
from rhebok.serving.app_loading import Application, load_function

if TYPE_CHECKING:
    from rhebok.settings.table import Settings


@dataclass(frozen=True)
class MasterInfo:
    """The argument of before_fork."""

    pid: int
    settings: Settings
    log: logging.Logger


@dataclass(frozen=True)
class WorkerInfo:
    """The argument of after_fork."""

    pid: int
    master_pid: int
    settings: Settings
    log: logging.Logger


class NamedHooks:
    """See hooks.Hooks. Made in the master."""

    def __init__(self, settings: Settings, log: logging.Logger) -> None:
        """Raises UserError when a function of the master cannot be loaded."""
        self._settings = settings
        self._log = log
        self._info = MasterInfo(os.getpid(), settings, log)
        self._before_fork = load_function("--before-fork", settings.before_fork)
        self._on_child_reap = load_function("--on-child-reap", settings.on_child_reap)

    @property
    def calls_before_fork(self) -> bool:
        """Whether before_fork() does anything."""
        return self._before_fork is not None

    def begins(self, listeners: Sequence[Listener], generation: int) -> None: ...

    def loaded(self, app: Application | None) -> None: ...

    def listens(self) -> None: ...

    def before_fork(self) -> None:
        if self._before_fork:
            self._before_fork(self._info)

    def forked(self, pid: int) -> None: ...

    def resized(self, wanted: int, before: int) -> None: ...

    def recycles(self) -> None: ...

    def reaped(self, pid: int, status: int) -> None:
        try:
            if self._on_child_reap:
                self._on_child_reap(pid, status)
        except Exception:
            self._log.exception("on_child_reap failed")

    def ended(self) -> None: ...

    def master_died(self, pid: int, status: int) -> None:
        self.reaped(pid, status)

    def in_worker(self, requests: Callable[[], int], retire: Callable[[], None]) -> None: ...

    def application(self, app: Application) -> Application:
        if not self._settings.after_fork:
            return app
        if hook := load_after_fork(self._settings):
            hook(WorkerInfo(os.getpid(), self._info.pid, self._settings, self._log))
        return app

    def told_to_stop(self) -> None: ...

    def late(self) -> None: ...

    def cut(self) -> None: ...

    def worker_ends(self) -> None: ...

    def orphaned(self, status: int) -> None:
        self.reaped(os.getpid(), status)


def check(settings: Settings, log: logging.Logger) -> None:
    """Raises UserError when a function cannot be loaded."""
    NamedHooks(settings, log)
    load_after_fork(settings)


def load_after_fork(settings: Settings) -> Callable[[WorkerInfo], object] | None:
    """The hook that runs in each worker. Raises UserError when it cannot be loaded."""
    return load_function("--after-fork", settings.after_fork)
