"""The moments at which a generation and its workers call what users have configured: the protocol Hooks.

Used by master and worker, which know nothing of who is called. launch puts together who is: the functions of
--before-fork and its kin (named_hooks.py), and those of a file of gunicorn (rhebok/gunicorn/hooks.py).

HookFailed, raised in the master, ends the generation; raised in a worker, it ends that with its status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rhebok.listening.listeners import Listener
from rhebok.records import TYPE_CHECKING, Protocol
from rhebok.serving.app_loading import Application

if TYPE_CHECKING:
    from typing import Any


class Hooks(Protocol):
    """In the order of their calls. Each worker has its copy of the master's object."""

    # In the master

    def begins(self, listeners: Sequence[Listener], generation: int) -> None:
        """Before the application is loaded. generation: 1 is the first, 0 without a superdaemon."""

    def loaded(self, app: Application | None) -> None:
        """The application, or None: each worker loads it. What this leaves is shared by the workers."""

    def listens(self) -> None:
        """The first worker will be forked now."""

    def before_fork(self) -> None:
        """Another exception than HookFailed counts as a failed fork."""

    def forked(self, pid: int) -> None: ...

    def resized(self, wanted: int, before: int) -> None:
        """A signal has changed the number of workers."""

    def recycles(self) -> None:
        """HUP to a master without a supervisor: all workers are replaced."""

    def reaped(self, pid: int, status: int) -> None:
        """A worker has ended; a negative status is the number of a signal."""

    def ended(self) -> None:
        """The last worker has ended. Not called when a hook has ended the generation at once."""

    def master_died(self, pid: int, status: int) -> None:
        """A master has been killed, or this one ends now."""

    # In a worker

    def in_worker(self, requests: Callable[[], int], retire: Callable[[], None]) -> None:
        """Right after the fork, before the worker loads the application. requests() counts what it has
        served; retire() asks for its successor."""

    def application(self, app: Application) -> Application:
        """Before it serves. Returns what is served."""

    def told_to_stop(self) -> None:
        """In a signal handler: it finishes what it has."""

    def late(self) -> None:
        """In a signal handler: a request took too long, and ends the worker."""

    def cut(self) -> None:
        """In a signal handler: the worker ends at once."""

    def worker_ends(self) -> None:
        """It serves no more. Raises nothing."""

    def orphaned(self, status: int) -> None:
        """The worker ends, and its master was killed: nobody reaps it."""


class HookChain:
    """All of them, in their order."""

    def __init__(self, *parts: Hooks) -> None:
        self._parts = parts

    def begins(self, listeners: Sequence[Listener], generation: int) -> None:
        self._each("begins", listeners, generation)

    def loaded(self, app: Application | None) -> None:
        self._each("loaded", app)

    def listens(self) -> None:
        self._each("listens")

    def before_fork(self) -> None:
        self._each("before_fork")

    def forked(self, pid: int) -> None:
        self._each("forked", pid)

    def resized(self, wanted: int, before: int) -> None:
        self._each("resized", wanted, before)

    def recycles(self) -> None:
        self._each("recycles")

    def reaped(self, pid: int, status: int) -> None:
        self._each("reaped", pid, status)

    def ended(self) -> None:
        self._each("ended")

    def master_died(self, pid: int, status: int) -> None:
        self._each("master_died", pid, status)

    def in_worker(self, requests: Callable[[], int], retire: Callable[[], None]) -> None:
        self._each("in_worker", requests, retire)

    def application(self, app: Application) -> Application:
        for part in self._parts:
            app = part.application(app)
        return app

    def told_to_stop(self) -> None:
        self._each("told_to_stop")

    def late(self) -> None:
        self._each("late")

    def cut(self) -> None:
        self._each("cut")

    def worker_ends(self) -> None:
        self._each("worker_ends")

    def orphaned(self, status: int) -> None:
        self._each("orphaned", status)

    def _each(self, moment: str, *arguments: Any) -> None:
        for part in self._parts:
            getattr(part, moment)(*arguments)
