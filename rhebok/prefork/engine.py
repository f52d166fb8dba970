"""The prefork engine: keeps a number of forked children alive. Knows nothing of HTTP. Run by master.

One loop: wait for a signal, a child's report or a deadline; act on signals in the order of the table; then
fork and stop children until there are as many, and of the kind, as there should be. All that the application
may replace (gevent, eventlet) is bound before it is imported.
"""

import logging
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from select import POLLIN, poll
from signal import SIG_UNBLOCK
from time import monotonic

from rhebok.errors import HookFailed
from rhebok.prefork import children
from rhebok.prefork.callbacks import Callbacks, NextChild, Verdict
from rhebok.prefork.children import Child, Report
from rhebok.prefork.options import Options
from rhebok.prefork.spawn_pace import SpawnPace
from rhebok.process.bare_signals import change_mask
from rhebok.process.reaping import describe_end, milliseconds
from rhebok.process.signals import MASTER_SIGNALS, QUIT_SIGNAL, STOP_SIGNAL, Action, NotedSignals

_UNBLOCK = int(SIG_UNBLOCK)
QUICK_SECONDS = 2.0  # from QUIT to KILL at a quick stop


class State(Enum):
    RUNNING = auto()
    RETIRING = auto()  # a gradual stop: one child after the other is stopped
    STOPPING = auto()
    QUITTING = auto()


class TooManyFailures(Exception):
    """Too many children in a row died before they were ready, and no child serves."""


class Prefork:
    """The engine. `run` does everything."""

    def __init__(self, options: Options, callbacks: Callbacks, log: logging.Logger) -> None:
        self._options = options
        self._callbacks = callbacks
        self._log = log
        self._wanted = options.max_workers
        self._children: dict[int, Child] = {}
        self._batch = 0
        self._state = State.RUNNING
        self._failed = False
        self._hook_failed: HookFailed | None = None
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
            Action.RETIRE: self._stop_gradually,
            Action.MORE: self._more,
            Action.FEWER: self._fewer,
            Action.NONE: self._nothing,
        }

    def run(self) -> None:
        """Returns after it was told to stop and the last child has ended. Needs the main thread.

        Raises TooManyFailures and HookFailed.
        """
        self._signals = NotedSignals(MASTER_SIGNALS)
        try:
            self._reap()  # orphans of the time when the application was loaded
            self._loop()
        finally:
            for child in self._children.values():  # only when the loop itself raised
                child.send(STOP_SIGNAL)
            self._signals.end(can_be_cut=True)
        if self._hook_failed:
            raise self._hook_failed
        if self._failed:
            raise TooManyFailures(f"{self._pace.failures} workers in a row died before they were ready")

    def _loop(self) -> None:
        while self._state is State.RUNNING or self._children:
            for row in self._signals.pop_pending():
                self._act(row.action)
            self._read_reports()
            self._apply_verdicts()
            self._escalate()
            self._retire_next()
            self._spawn_missing()
            self._retire_surplus()
            if not self._signals.pending and (self._state is State.RUNNING or self._children):
                self._wait()

    def _act(self, action: Action) -> None:
        try:
            self._actions[action]()
        except HookFailed as error:
            self._end(error)

    # Waiting

    def _wait(self) -> None:
        waiting = poll()
        reports = [child.report_fd for child in self._children.values() if child.report_fd != children.CLOSED]
        for descriptor in (self._signals.pipe.read_end, *reports, *self._callbacks.descriptors()):
            waiting.register(descriptor, POLLIN)
        deadline = self._next_deadline()
        waiting.poll(None if deadline is None else milliseconds(deadline - monotonic()))
        self._signals.pipe.drain()

    def _next_deadline(self) -> float | None:
        """When there is something to do without a signal or a report; None: never."""
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
        for pid, code in children.reap_own(tuple(self._children)):
            self._ended(self._children.pop(pid), code)
        if self._options.reaps_orphans:
            children.reap_orphans()

    def _stop(self) -> None:
        if self._state in (State.RUNNING, State.RETIRING):
            self._leave_running(State.STOPPING)
            self._retire(list(self._children.values()))
            self._log.info("stopping gracefully")  # last: when it is in the log, all of this was done

    def _leave_running(self, state: State) -> None:
        """From now on no child is replaced."""
        first, self._state = self._state is State.RUNNING, state
        if first:
            self._callbacks.stop_begins()

    def _stop_gradually(self) -> None:
        """Stops one child after the other, while the children of the next generation start.

        Without a spawn interval this is a graceful stop.
        """
        if self._options.spawn_interval == 0:
            self._stop()
        elif self._state is State.RUNNING:
            self._log.info("retiring one worker every %g s", self._options.spawn_interval)
            self._callbacks.gradual_stop_begins(len(self._active()) * self._options.spawn_interval)
            self._leave_running(State.RETIRING)

    def _retire_next(self) -> None:
        now = monotonic()
        if self._state is State.RETIRING and now >= self._retire_at:
            self._retire(self._active()[:1])
            self._retire_at = now + self._options.spawn_interval

    def _quit(self) -> None:
        if self._state is State.QUITTING:
            return
        self._log.info("stopping at once")
        self._leave_running(State.QUITTING)
        for child in self._children.values():
            child.stop(QUIT_SIGNAL, monotonic(), QUICK_SECONDS)

    def _recycle(self) -> None:
        """Makes all children stale: the loop replaces them one after the other."""
        if self._state is State.RUNNING and not self._callbacks.replaced_as_a_whole():
            self._log.info("replacing all workers")
            self._batch += 1

    def _more(self) -> None:
        if self._wanted >= self._options.most_workers:
            self._log.warning(
                "no worker more than %d (--workers: %d)", self._wanted, self._options.max_workers
            )
            return
        self._log.info("one worker more: %d", self._wanted + 1)
        self._resize(self._wanted + 1)

    def _fewer(self) -> None:
        wanted = max(1, self._wanted - 1)
        self._log.info("one worker less: %d", wanted)
        self._resize(wanted)

    def _resize(self, wanted: int) -> None:
        before, self._wanted = self._wanted, wanted
        if wanted != before:
            self._callbacks.resized(wanted, before)

    def _end(self, error: HookFailed) -> None:
        self._hook_failed = self._hook_failed or error
        if error.quick:
            self._quit()
        else:
            self._stop()

    def _nothing(self) -> None:
        if loading := [child.pid for child in self._children.values() if not child.ready]:
            self._callbacks.show_loading(loading)
            return
        self._log.info("SIGUSR2 does nothing here (log files are reopened without a signal)")

    # Children

    def _active(self) -> list[Child]:
        """The children that were not told to stop, oldest first."""
        return [child for child in self._children.values() if child.stopping is None]

    def _stale(self) -> list[Child]:
        """The active children that are to be replaced."""
        return [child for child in self._active() if child.batch < self._batch or child.wants_successor]

    def _missing(self) -> int:
        """How many children to fork. While a child is being replaced there is one more than wanted: the stale
        child serves until its successor is ready.
        """
        if self._state is not State.RUNNING:
            return 0
        return self._wanted + bool(self._stale()) - len(self._active())

    def _probing(self) -> bool:
        return self._pace.one_at_a_time and any(not child.ready for child in self._active())

    def _spawn_missing(self) -> None:
        while self._missing() > 0 and not self._probing() and not self._signals.pending:
            if not self._pace.may_spawn(monotonic()):
                return
            self._spawn(self._missing() if self._callbacks.at_once and self._pace.unhurried else 1)

    def _spawn(self, count: int) -> None:
        now = monotonic()
        self._pace.spawned(now)
        wanted: list[NextChild] = []
        forked: children.Forked = []
        failure: Exception | None = None
        try:
            for _ in range(count):
                wanted.append(self._callbacks.before_fork())
            runs = [partial(self._child, child) for child in wanted]
            children.fork_all(runs, self._signals.signals, forked)
        except Exception as error:
            failure = error
        for child in wanted[len(forked) :]:
            self._callbacks.not_forked(child)
        for child, (pid, report_fd) in zip(wanted, forked, strict=False):
            self._children[pid] = Child(pid, self._batch, now, report_fd)
            self._callbacks.forked(child, pid)
            self._log.debug("worker %d forked", pid)
        if failure:
            self._could_not_spawn(failure, now)

    def _could_not_spawn(self, error: Exception, now: float) -> None:
        if isinstance(error, HookFailed):
            self._end(error)
            return
        self._log.error(
            "could not fork a worker: %s", error, exc_info=None if isinstance(error, OSError) else error
        )
        self._start_failed(now)

    def _retire_surplus(self) -> None:
        surplus = len(self._active()) - self._wanted
        stale = self._stale()
        if surplus <= 0 or (stale and any(not child.ready for child in self._active() if child not in stale)):
            return
        chosen = stale or self._active()
        self._retire(chosen[:surplus])

    def _retire(self, chosen: list[Child]) -> None:
        for child in chosen:
            child.stop(STOP_SIGNAL, monotonic(), self._options.graceful_timeout)

    def _escalate(self) -> None:
        for child in self._children.values():
            if child.escalate(monotonic()):
                cut = self._current_requests(child, "; cut: ")
                self._log.warning("worker %d did not stop in time: killed%s", child.pid, cut)

    def _apply_verdicts(self) -> None:
        for pid, verdict in self._callbacks.verdicts().items():
            child = self._children.get(pid)
            if child is None:
                continue
            if verdict is Verdict.KILL:
                child.kill()
            elif verdict is Verdict.REPLACE:
                child.wants_successor = True
            elif child.stopping is None:
                self._retire([child])

    def _current_requests(self, child: Child, lead: str) -> str:
        requests = self._callbacks.current_requests(child.pid)
        return lead + requests if requests else ""

    def _read_reports(self) -> None:
        for child in self._children.values():
            self._read_report(child)
            if child.ending and child.stopping is None:  # by itself, without a successor
                self._retire([child])

    def _read_report(self, child: Child) -> None:
        if child.read_report():
            self._pace.started()
            self._callbacks.child_ready(child.pid)
            self._log.info("worker %d is ready", child.pid)
            self._announce_when_complete()

    def _announce_when_complete(self) -> None:
        serving = sum(child.ready for child in self._active())
        if serving >= self._wanted and not self._announced and self._state is State.RUNNING:
            self._announced = True
            self._callbacks.all_ready()

    def _ended(self, child: Child, code: int) -> None:
        self._read_report(child)  # it may have reported just before it ended
        child.close()
        self._log_end(child, code)
        try:
            self._callbacks.on_child_reap(child.pid, code)
        except HookFailed as error:
            self._end(error)
        except Exception:
            self._log.exception("on_child_reap failed")
        if self._state is State.RUNNING and child.stopping is None:
            self._note_unexpected_end(child, code)

    def _log_end(self, child: Child, code: int) -> None:
        told = child.stopping is not None
        killed = child.stopping is not None and child.stopping.killed
        # On QUIT the child itself has logged the requests that it cut.
        logged = code == 0 and child.stopping is not None and child.stopping.quick
        what = "" if logged else self._current_requests(child, ", serving ")
        fine = code == 0 and not what and (child.ready or told)
        level = logging.INFO if killed or fine else logging.ERROR
        when = "" if child.ready or told else " before it was ready"
        self._log.log(level, "worker %d %s%s%s", child.pid, describe_end(code), when, what)

    def _note_unexpected_end(self, child: Child, code: int) -> None:
        """A child has ended that was not told to stop: may the next one be forked at once?"""
        if not child.ready:
            self._start_failed(child.forked_at, by_signal=code < 0)
        elif code > 0 and child.batch == self._batch:
            self._pace.forbid(monotonic())

    def _start_failed(self, attempted_at: float, by_signal: bool = False) -> None:
        self._pace.start_failed(attempted_at, monotonic(), by_signal)
        if not self._pace.exhausted:
            return
        if not any(child.ready for child in self._active()):
            self._failed = True
            self._stop()
        elif self._stale():
            self._log.error("replacing the workers failed; the old ones go on serving")
            for child in self._stale():
                child.batch, child.wants_successor = self._batch, False
            self._pace.started()

    # In the child

    def _child(self, child: NextChild, report_fd: int) -> int:
        for sibling in self._children.values():
            sibling.close()
        self._children.clear()
        try:
            child.install_signals(self._signals)
            change_mask(_UNBLOCK, self._signals.numbers)
            if self._callbacks.after_fork:
                self._callbacks.after_fork()
            return child.serve(Report(report_fd))
        except BaseException:
            self._log.exception("the worker failed")
            return 1
