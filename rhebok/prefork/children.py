"""One forked child as its parent sees it, and the fork itself. Used by prefork.

A child says that it is ready, and later perhaps that it wants a successor, by a byte on a pipe. A pid stays
ours until it is reaped, so a signal sent to a child that is still in the books never reaches a stranger,
whatever the kernel does with pids.
"""

import math
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from signal import Signals

NOBODY = -1
STATUS_UNKNOWN = 255  # somebody else reaped the child
REPEAT_SECONDS = 1.0  # how often a stopping child is told again
QUICK_SECONDS = 1.0  # what a child whose time is over gets to write its last words

READY, LEAVING = b"R", b"L"


@dataclass
class Report:
    """The child's end of the pipe."""

    fd: int

    def ready(self) -> None:
        """It serves."""
        os.write(self.fd, READY)

    def leaving(self) -> None:
        """It will go as soon as it has a successor."""
        with suppress(OSError):
            os.write(self.fd, LEAVING)


@dataclass
class Stopping:
    """A child was told to stop: with what, when to say so again, when to kill it."""

    signal: Signals
    repeat_at: float
    kill_at: float
    hurried: bool = False  # it was told that its time is over
    killed: bool = False

    @property
    def quick(self) -> bool:
        """It was told to end in the middle of what it is at."""
        return self.hurried or self.signal is Signals.SIGQUIT

    @property
    def next_at(self) -> float:
        if self.killed:
            return float("inf")
        return self.kill_at if self.hurried else min(self.repeat_at, self.kill_at)


@dataclass
class Child:
    pid: int
    batch: int  # grows with every recycling
    forked_at: float
    ready_fd: int
    ready: bool = False
    leaving: bool = False  # it goes when its successor is ready
    stopping: Stopping | None = field(default=None)

    def look_for_ready(self) -> bool:
        """Reads the pipe; true once, when the child says so. Closes it when there is no more to learn."""
        if self.ready_fd == NOBODY:
            return False
        try:
            said = os.read(self.ready_fd, 16)
        except BlockingIOError:
            return False
        if not said:
            self.close()
        was_ready = self.ready
        self.ready = was_ready or READY in said
        self.leaving = self.leaving or LEAVING in said
        return self.ready and not was_ready

    def close(self) -> None:
        if self.ready_fd != NOBODY:
            os.close(self.ready_fd)
            self.ready_fd = NOBODY

    def stop(self, number: Signals, now: float, patience: float) -> None:
        """Tells the child to stop; it is killed when `patience` is over, and no later than said before."""
        kill_at = now + patience
        if self.stopping:
            kill_at = min(kill_at, self.stopping.kill_at)
        self.stopping = Stopping(number, now + REPEAT_SECONDS, kill_at)
        self.send(number)

    def press(self, now: float) -> bool:
        """Repeats, hurries or kills when it is time; true when the child's time is over.

        Before it is killed it gets QUIT, on which a worker names the requests that are cut and writes its
        logs. Repeating covers a signal that came in before the child had its handlers, or that was swallowed.
        """
        stopping = self.stopping
        if stopping is None or stopping.killed or now < stopping.next_at:
            return False
        if now >= stopping.kill_at and not stopping.hurried:
            stopping.hurried = True
            stopping.kill_at = now + QUICK_SECONDS
            self.send(Signals.SIGQUIT)
            return True
        if now >= stopping.kill_at:
            self.kill()
            return False
        if stopping.hurried:
            return False
        stopping.repeat_at = now + REPEAT_SECONDS
        self.send(stopping.signal)
        return False

    def kill(self) -> None:
        if self.stopping is None:
            self.stopping = Stopping(Signals.SIGKILL, float("inf"), float("inf"))
        self.stopping.killed = True
        self.send(Signals.SIGKILL)

    def send(self, number: Signals) -> None:
        with suppress(ProcessLookupError):  # somebody else reaped it: the next wait finds out
            os.kill(self.pid, number)


def fork(run: Callable[[int], int], blocked: frozenset[Signals]) -> tuple[int, int]:
    """Forks; the child calls run(ready_fd) and exits with what it returns.

    Returns (pid, read end of the ready pipe). `blocked` signals wait, in the child until `run` unblocks them:
    none may reach it under the parent's handlers.
    """
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            _run_and_exit(run, write_end)
    except OSError:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    return pid, read_end


def _run_and_exit(run: Callable[[int], int], ready_fd: int) -> None:
    """Ends the child without exit handlers: they are the parent's."""
    status = 1
    try:
        status = run(ready_fd)
    finally:
        os._exit(status)


def reap() -> Iterator[tuple[int, int]]:
    """(pid, exit code) of each dead child, negative for a signal; ChildProcessError when there is none."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def describe_end(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def milliseconds(seconds: float) -> int:
    """For poll(2): not negative, never too early, an hour at most."""
    return math.ceil(min(max(0.0, seconds), 3600.0) * 1000)
