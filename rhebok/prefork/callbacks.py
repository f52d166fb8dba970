"""What the engine calls, and what it is told. Used by engine and serving."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto

from rhebok.prefork.children import Report
from rhebok.process.signals import NotedSignals
from rhebok.records import TYPE_CHECKING, Protocol, dataclass

if TYPE_CHECKING:
    from typing import Any


class Verdict(Enum):
    """What shall happen to a child that was not told to stop."""

    REPLACE = auto()  # stop it gracefully when its successor is ready
    STOP = auto()  # stop it gracefully now
    KILL = auto()


class NextChild(Protocol):
    """A child that is about to be forked. Its methods are called in the child."""

    def install_signals(self, parents: NotedSignals) -> None:
        """In place of these, while they are blocked. parents.abandon() is one way to begin."""

    def serve(self, report: Report) -> int:
        """Runs it, and returns its exit status."""


@dataclass(frozen=True)
class Callbacks:
    """What the engine calls. HookFailed, raised in the parent by before_fork, on_child_reap, resized or
    replaced_as_a_whole, ends it: run() raises it again when all children have ended."""

    before_fork: Callable[[], NextChild]  # in the parent; an exception counts as a failed fork
    after_fork: Callable[[], None] | None  # in the child, before serve
    on_child_reap: Callable[[int, int], None]  # in the parent: pid, exit code
    forked: Callable[[Any, int], None] = lambda _child, _pid: None  # in the parent, with the child's pid
    not_forked: Callable[[Any], None] = lambda _child: None  # there was no process for it
    at_once: bool = False  # children may be forked together, all before_fork() first
    resized: Callable[[int, int], None] = lambda _wanted, _before: None  # by a signal
    all_ready: Callable[[], None] = lambda: None  # once: as many children serve as are wanted
    stop_begins: Callable[[], None] = lambda: None  # once: from now on no child is replaced
    gradual_stop_begins: Callable[[float], None] = lambda _seconds: None  # and how long it will take
    # whether another process replaces the engine instead
    replaced_as_a_whole: Callable[[], bool] = lambda: False
    verdicts: Callable[[], Mapping[int, Verdict]] = dict  # by pid; called in each turn of the loop
    descriptors: Callable[[], Iterable[int]] = tuple  # what wakes the loop when it is readable
    verdicts_at: Callable[[], float] = lambda: math.inf  # the monotonic time of the next verdict
    current_requests: Callable[[int], str] = lambda _pid: ""  # of a child, for the log
    child_ready: Callable[[int], None] = lambda _pid: None  # as soon as it has said so
    show_loading: Callable[[Sequence[int]], None] = lambda _pids: None  # USR2: children that are not ready
