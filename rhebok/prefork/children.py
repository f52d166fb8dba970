"""A forked child as its parent sees it, and the fork itself. Used by engine.

A child reports by a byte on a pipe that it is ready, by another that it wants a successor, and by a third
that it does not serve any more. The kernel does not reuse a pid before it is reaped, so a signal sent to a
child that was not reaped yet never reaches another process. The functions of os and signal are bound here,
before the application is imported: it may replace them (gevent, eventlet).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from os import WNOHANG, close, kill, pipe2, read, waitpid, write
from os import fork as os_fork
from signal import SIG_BLOCK, SIG_SETMASK, Signals

from rhebok.process.bare_signals import change_mask
from rhebok.process.fork_warning import no_fork_warning
from rhebok.process.forked_child import our_fork
from rhebok.process.reaping import STATUS_UNKNOWN, reap
from rhebok.records import dataclass

Forked = list[tuple[int, int]]  # pids, and the read ends of the pipes

CLOSED = -1  # in place of a descriptor
REPEAT_SECONDS = 1.0  # a stopping child gets its signal again after this time
QUICK_SECONDS = 1.0  # from QUIT to KILL, for a child that has not stopped in time: it writes its logs

READY, SUCCESSOR_WANTED, ENDING = b"R", b"L", b"E"


class Report:
    """The child's end of the pipe."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def ready(self) -> None:
        """The child serves. Raises OSError."""
        write(self.fd, READY)

    def want_successor(self) -> None:
        """The child wants to be stopped as soon as its successor is ready. Errors are ignored."""
        with suppress(OSError):
            write(self.fd, SUCCESSOR_WANTED)

    def ending(self) -> None:
        """The child has stopped serving; its end may take a while. Errors are ignored."""
        with suppress(OSError):
            write(self.fd, ENDING)


@dataclass
class Stopping:
    """How a child is being stopped. Times are those of time.monotonic()."""

    signal: Signals
    repeat_at: float
    kill_at: float
    out_of_time: bool = False  # it has got QUIT, because it did not stop in time
    killed: bool = False

    @property
    def quick(self) -> bool:
        """It was told to stop without finishing its requests."""
        return self.out_of_time or self.signal is Signals.SIGQUIT

    @property
    def next_at(self) -> float:
        """When `escalate` has something to do."""
        if self.killed:
            return float("inf")
        return self.kill_at if self.out_of_time else min(self.repeat_at, self.kill_at)


@dataclass
class Child:
    """A child that was not reaped yet."""

    pid: int
    batch: int  # one more for each replacement of all children
    forked_at: float  # time.monotonic()
    report_fd: int  # the parent's end of the pipe, or CLOSED
    ready: bool = False
    wants_successor: bool = False  # to be stopped when its successor is ready
    ending: bool = False  # it has served, and does not any more
    stopping: Stopping | None = None

    def read_report(self) -> bool:
        """Reads the pipe. True when the child has become ready just now. Closes the pipe at its end."""
        if self.report_fd == CLOSED:
            return False
        try:
            reported = read(self.report_fd, 16)
        except BlockingIOError:
            return False
        if not reported:
            self.close()
        was_ready = self.ready
        self.ready = was_ready or READY in reported
        self.wants_successor = self.wants_successor or SUCCESSOR_WANTED in reported
        self.ending = self.ending or ENDING in reported
        return self.ready and not was_ready

    def close(self) -> None:
        """Closes the pipe."""
        if self.report_fd != CLOSED:
            close(self.report_fd)
            self.report_fd = CLOSED

    def stop(self, number: Signals, now: float, patience: float) -> None:
        """Sends the child this signal. It is killed after `patience` seconds, or earlier if an earlier call
        said so.
        """
        kill_at = now + patience
        if self.stopping:
            kill_at = min(kill_at, self.stopping.kill_at)
        self.stopping = Stopping(number, now + REPEAT_SECONDS, kill_at)
        self.send(number)

    def escalate(self, now: float) -> bool:
        """Sends the next signal when it is due. True when that is the QUIT of a child that is out of time.

        Until then the first signal is repeated: it may have arrived before the child had its handlers, or may
        have been lost. On QUIT a worker logs the requests that are cut and writes its logs. KILL comes last.
        """
        stopping = self.stopping
        if stopping is None or stopping.killed or now < stopping.next_at:
            return False
        if now >= stopping.kill_at and not stopping.out_of_time:
            stopping.out_of_time = True
            stopping.kill_at = now + QUICK_SECONDS
            self.send(Signals.SIGQUIT)
            return True
        if now >= stopping.kill_at:
            self.kill()
            return False
        if stopping.out_of_time:
            return False
        stopping.repeat_at = now + REPEAT_SECONDS
        self.send(stopping.signal)
        return False

    def kill(self) -> None:
        """Sends KILL."""
        if self.stopping is None:
            self.stopping = Stopping(Signals.SIGKILL, float("inf"), float("inf"))
        self.stopping.killed = True
        self.send(Signals.SIGKILL)

    def send(self, number: Signals) -> None:
        """Sends a signal. Raises nothing when the child is gone."""
        with suppress(ProcessLookupError):  # reaped by other code: the next wait will show it
            kill(self.pid, number)


def fork_all(runs: Sequence[Callable[[int], int]], blocked: frozenset[Signals], forked: Forked) -> None:
    """Forks a child for each of `runs`, which calls run(write end of its pipe) and exits with the status
    that it returns. Adds (pid, read end of the pipe) to `forked`. Raises OSError when there is no process
    or pipe: then there are fewer.

    The `blocked` signals stay blocked in the child until `run` unblocks them: the parent's handlers must
    not run there. Nothing but forks happens between forks: each page that the parent writes to there is one
    more that the last child has for itself (bench/README.md, Memory).
    """
    pipes: list[tuple[int, int]] = []
    pids: list[int] = []
    previous = change_mask(SIG_BLOCK, blocked)
    try:
        for _ in runs:
            pipes.append(pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
        with our_fork, no_fork_warning():
            _fork_until_child(len(runs), pids)
        if pids and pids[-1] == 0:
            _run_and_exit(runs[len(pids) - 1], pipes, len(pids) - 1)
    finally:
        for _read_end, write_end in pipes:
            close(write_end)
        for read_end, _write_end in pipes[len(pids) :]:
            close(read_end)
        forked += zip(pids, (pipe[0] for pipe in pipes), strict=False)
        change_mask(SIG_SETMASK, previous)


def _fork_until_child(count: int, pids: list[int]) -> None:
    """Adds the pids, in a child a 0 as the last one."""
    for _ in range(count):
        pid = os_fork()
        pids.append(pid)
        if pid == 0:
            return


def _run_and_exit(run: Callable[[int], int], pipes: list[tuple[int, int]], number: int) -> None:
    """Ends the child without the interpreter's exit handlers: `run` has done what belongs to the child."""
    status = 1
    try:
        report_fd = pipes[number][1]
        for read_end, write_end in pipes:
            close(read_end)
            if write_end != report_fd:
                close(write_end)
        status = run(report_fd)
    finally:
        os._exit(status)


def reap_own(pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The same, of these children only: the application waits for its own."""
    for pid in pids:
        try:
            ended, status = waitpid(pid, WNOHANG)
        except ChildProcessError:  # reaped by other code, or nobody wants to know (SIG_IGN)
            yield pid, STATUS_UNKNOWN
            continue
        if ended:
            yield pid, os.waitstatus_to_exitcode(status)


def reap_orphans() -> None:
    """As PID 1: children of processes that died. Also children of the application, which look the same."""
    with suppress(ChildProcessError):
        for _ in reap():
            pass
