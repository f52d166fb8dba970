"""The prefork engine: keeps a number of forked children alive. Knows nothing of HTTP; master drives it.

One loop: wait for a signal, a child's ready byte or a deadline; act on signals in the order of the table;
then fork, retire or press until the children are as they should be.
"""

import logging
import math
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from rhebok.prefork import children
from rhebok.prefork.children import STATUS_UNKNOWN, Child, Report, describe_end
from rhebok.prefork.spawn_pace import MAX_START_FAILURES, SpawnPace
from rhebok.process.signals import MASTER_SIGNALS, QUIT_SIGNAL, STOP_SIGNAL, Action, NotedSignals

QUICK_SECONDS = 2.0  # what a child gets after QUIT


@dataclass(frozen=True)
class Options:
    max_workers: int
    spawn_interval: float = 0.0
    err_respawn_interval: float = 1.0
    graceful_timeout: float = 30.0
    max_start_failures: int = MAX_START_FAILURES


class Verdict(Enum):
    """What is to become of a child that nobody told to stop."""

    REPLACE = auto()  # it goes when its successor is ready
    ABANDON = auto()  # it goes now
    KILL = auto()


@dataclass(frozen=True)
class Callbacks:
    """What the engine calls. `serve(report)` is the child's life and returns its exit status."""

    serve: Callable[[Report], int]
    install_signals: Callable[[], None]  # in the child, while signals are blocked
    before_fork: Callable[[], None]  # in the parent; raising counts as a failed fork
    after_fork: Callable[[], None]  # in the child, before serve
    on_child_reap: Callable[[int, int], None]  # in the parent: pid, exit code
    forked: Callable[[int], None] = lambda _pid: None  # in the parent, with the child's pid
    all_ready: Callable[[], None] = lambda: None  # once: as many children serve as were wanted
    ending: Callable[[], None] = lambda: None  # once: from now on no child is replaced
    retiring: Callable[[float], None] = lambda _seconds: None  # slowly, and how long that takes
    verdicts: Callable[[], Mapping[int, Verdict]] = dict  # by pid, looked at in each turn
    verdicts_at: Callable[[], float] = lambda: math.inf  # when to look again although nothing happens
    doing: Callable[[int], str] = lambda _pid: ""  # what a child is at, for the log


class State(Enum):
    RUNNING = auto()
    RETIRING = auto()  # one child after the other, none replaced
    STOPPING = auto()
    QUITTING = auto()


class TooManyFailures(Exception):
    """Children in a row died before they were ready, and none serves."""


class Prefork:
    def __init__(self, options: Options, callbacks: Callbacks, log: logging.Logger) -> None:
        self._options = options
        self._callbacks = callbacks
        self._log = log
        self._wanted = options.max_workers
        self._children: dict[int, Child] = {}
        self._batch = 0
        self._state = State.RUNNING
        self._failed = False
        self._announced = False
        self._retire_at = 0.0
        self._pace = SpawnPace(
            options.spawn_interval, options.err_respawn_interval, options.max_start_failures
        )
        self._actions: dict[Action, Callable[[], None]] = {
            Action.REAP: self._reap,
            Action.QUIT: self._quit,
            Action.STOP: self._stop,
            Action.RECYCLE: self._recycle,
            Action.RETIRE: self._begin_retiring,
            Action.MORE: self._more,
            Action.FEWER: self._fewer,
            Action.NONE: self._nothing,
        }

    def run(self) -> None:
        """Until it was told to stop and the last child is gone. Needs the main thread."""
        self._signals = NotedSignals(MASTER_SIGNALS)
        try:
            self._reap()  # what ended while the application was loaded
            self._loop()
        finally:
            for child in self._children.values():  # only when the loop itself raised
                child.send(STOP_SIGNAL)
            self._signals.restore()
        if self._failed:
            raise TooManyFailures(f"{self._pace.failures} workers in a row died before they were ready")

    def _loop(self) -> None:
        while self._state is State.RUNNING or self._children:
            for row in self._signals.pop_pending():
                self._actions[row.action]()
            self._look_for_ready()
            self._judge()
            self._press()
            self._retire_next()
            self._spawn_missing()
            self._retire_surplus()
            if not self._signals.pending and (self._state is State.RUNNING or self._children):
                self._wait()

    # Waiting

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._signals.pipe.read_end, select.POLLIN)
        for child in self._children.values():
            if child.ready_fd != children.NOBODY:
                poll.register(child.ready_fd, select.POLLIN)
        deadline = self._next_deadline()
        poll.poll(None if deadline is None else children.milliseconds(deadline - time.monotonic()))
        self._signals.pipe.drain()

    def _next_deadline(self) -> float | None:
        """When there is something to do although nothing happens."""
        deadlines = [child.stopping.next_at for child in self._children.values() if child.stopping]
        if self._missing() > 0 and not self._probing():
            deadlines.append(self._pace.next_at)
        if self._state is State.RETIRING and self._active():
            deadlines.append(self._retire_at)
        deadlines.append(self._callbacks.verdicts_at())
        nearest = min(deadlines, default=float("inf"))
        return None if nearest == float("inf") else nearest

    # Signals

    def _reap(self) -> None:
        try:
            for pid, code in children.reap():
                child = self._children.pop(pid, None)
                if child:  # otherwise an orphan, given to us as PID 1, or a child of the application
                    self._ended(child, code)
        except ChildProcessError:
            self._lost_all()

    def _lost_all(self) -> None:
        """No child is left to wait for; those still in the books were reaped by somebody else's wait."""
        while self._children:
            _, child = self._children.popitem()
            self._ended(child, STATUS_UNKNOWN)

    def _stop(self) -> None:
        if self._state in (State.RUNNING, State.RETIRING):
            self._end(State.STOPPING)
            self._retire(list(self._children.values()))
            self._log.info("stopping gracefully")  # last: who reads it may rely on it

    def _end(self, state: State) -> None:
        """No child is replaced any more."""
        first, self._state = self._state is State.RUNNING, state
        if first:
            self._callbacks.ending()

    def _begin_retiring(self) -> None:
        """Rhebok's slow retirement, while a successor grows. Without an interval it is a graceful stop."""
        if self._options.spawn_interval == 0:
            self._stop()
        elif self._state is State.RUNNING:
            self._log.info("retiring one worker every %g s", self._options.spawn_interval)
            self._callbacks.retiring(len(self._active()) * self._options.spawn_interval)
            self._end(State.RETIRING)

    def _retire_next(self) -> None:
        now = time.monotonic()
        if self._state is State.RETIRING and now >= self._retire_at:
            self._retire(self._active()[:1])
            self._retire_at = now + self._options.spawn_interval

    def _quit(self) -> None:
        if self._state is State.QUITTING:
            return
        self._log.info("stopping at once")
        self._end(State.QUITTING)
        for child in self._children.values():
            child.stop(QUIT_SIGNAL, time.monotonic(), QUICK_SECONDS)

    def _recycle(self) -> None:
        """From now on all children are stale; the loop replaces one after the other."""
        if self._state is State.RUNNING:
            self._log.info("replacing all workers")
            self._batch += 1

    def _more(self) -> None:
        self._wanted += 1
        self._log.info("one worker more: %d", self._wanted)

    def _fewer(self) -> None:
        self._wanted = max(1, self._wanted - 1)
        self._log.info("one worker less: %d", self._wanted)

    def _nothing(self) -> None:
        self._log.info("SIGUSR2 does nothing here (log files are reopened without a signal)")

    # Children

    def _active(self) -> list[Child]:
        """Oldest first, without those that were told to stop."""
        return [child for child in self._children.values() if child.stopping is None]

    def _stale(self) -> list[Child]:
        return [child for child in self._active() if child.batch < self._batch or child.leaving]

    def _missing(self) -> int:
        """A stale child stays until its successor is ready, so there may be one child too many meanwhile."""
        if self._state is not State.RUNNING:
            return 0
        return self._wanted + bool(self._stale()) - len(self._active())

    def _probing(self) -> bool:
        return self._pace.one_at_a_time and any(not child.ready for child in self._active())

    def _spawn_missing(self) -> None:
        while self._missing() > 0 and not self._probing() and not self._signals.pending:
            if not self._pace.may_spawn(time.monotonic()):
                return
            self._spawn()

    def _spawn(self) -> None:
        now = time.monotonic()
        self._pace.spawned(now)
        try:
            self._callbacks.before_fork()
            pid, ready_fd = children.fork(self._child, self._signals.signals)
        except Exception as error:
            self._log.error("could not fork a worker: %s", error, exc_info=not isinstance(error, OSError))
            self._start_failed(now)
            return
        self._children[pid] = Child(pid, self._batch, now, ready_fd)
        self._callbacks.forked(pid)
        self._log.debug("worker %d forked", pid)

    def _retire_surplus(self) -> None:
        surplus = len(self._active()) - self._wanted
        stale = self._stale()
        if surplus <= 0 or (stale and any(not child.ready for child in self._active() if child not in stale)):
            return
        victims = stale or self._active()
        self._retire(victims[:surplus])

    def _retire(self, victims: list[Child]) -> None:
        for child in victims:
            child.stop(STOP_SIGNAL, time.monotonic(), self._options.graceful_timeout)

    def _press(self) -> None:
        for child in self._children.values():
            if child.press(time.monotonic()):
                cut = self._doing(child, "; cut: ")
                self._log.warning("worker %d did not stop in time: killed%s", child.pid, cut)

    def _judge(self) -> None:
        for pid, verdict in self._callbacks.verdicts().items():
            child = self._children.get(pid)
            if child is None:
                continue
            if verdict is Verdict.KILL:
                child.kill()
            elif verdict is Verdict.REPLACE:
                child.leaving = True
            elif child.stopping is None:
                self._retire([child])

    def _doing(self, child: Child, lead: str) -> str:
        doing = self._callbacks.doing(child.pid)
        return lead + doing if doing else ""

    def _look_for_ready(self) -> None:
        for child in self._children.values():
            self._note_ready(child)

    def _note_ready(self, child: Child) -> None:
        if child.look_for_ready():
            self._pace.started()
            self._log.info("worker %d is ready", child.pid)
            self._announce_when_complete()

    def _announce_when_complete(self) -> None:
        serving = sum(child.ready for child in self._active())
        if serving >= self._wanted and not self._announced and self._state is State.RUNNING:
            self._announced = True
            self._callbacks.all_ready()

    def _ended(self, child: Child, code: int) -> None:
        self._note_ready(child)  # the byte may have come with the end
        child.close()
        self._report(child, code)
        try:
            self._callbacks.on_child_reap(child.pid, code)
        except Exception:
            self._log.exception("on_child_reap failed")
        if self._state is State.RUNNING and child.stopping is None:
            self._account(child, code)

    def _report(self, child: Child, code: int) -> None:
        told = child.stopping is not None
        killed = child.stopping is not None and child.stopping.killed
        named = code == 0 and child.stopping is not None and child.stopping.quick  # by itself, what it cut
        what = "" if named else self._doing(child, ", serving ")
        fine = code == 0 and not what and (child.ready or told)
        level = logging.INFO if killed or fine else logging.ERROR
        when = "" if child.ready or told else " before it was ready"
        self._log.log(level, "worker %d %s%s%s", child.pid, describe_end(code), when, what)

    def _account(self, child: Child, code: int) -> None:
        """A child that nobody told to stop has ended: what does that say about forking the next?"""
        if not child.ready:
            self._start_failed(child.forked_at, by_signal=code < 0)
        elif code > 0 and child.batch == self._batch:
            self._pace.forbid(time.monotonic())

    def _start_failed(self, attempted_at: float, by_signal: bool = False) -> None:
        self._pace.start_failed(attempted_at, time.monotonic(), by_signal)
        if not self._pace.exhausted:
            return
        if not any(child.ready for child in self._active()):
            self._failed = True
            self._stop()
        elif self._stale():
            self._log.error("replacing the workers failed; the old ones go on serving")
            for child in self._stale():
                child.batch, child.leaving = self._batch, False
            self._pace.started()

    # In the child

    def _child(self, ready_fd: int) -> int:
        self._signals.abandon()
        for child in self._children.values():
            child.close()
        self._children.clear()
        try:
            self._callbacks.install_signals()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._signals.signals)
            self._callbacks.after_fork()
            return self._callbacks.serve(Report(ready_fd))
        except BaseException:
            self._log.exception("the worker failed")
            return 1
