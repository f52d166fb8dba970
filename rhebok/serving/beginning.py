"""How this generation began, so that it can begin again: the same process executes the same command.

Used by launch and preloading. What the application has left in the process is gone then: threads, mappings,
connections. What exec(2) would keep is put back here: descriptors, signals, timers, directory, umask.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress

from rhebok.process.child_processes import children
from rhebok.process.signals import RESET_BY_EXEC
from rhebok.records import TYPE_CHECKING, dataclass
from rhebok.superdaemon.origin import Origin
from rhebok.superdaemon.supervised import supervised

if TYPE_CHECKING:
    from typing import NoReturn

LATE_VARIABLE = "RHEBOK_LOADS_LATE"  # its value is the pid: what the application starts has another one


def loads_late() -> bool:
    """Whether this process has begun again, for the workers to load the application."""
    return os.environ.pop(LATE_VARIABLE, "") == str(os.getpid())


@dataclass(frozen=True)
class Beginning:
    """To be made before the first descriptor is adopted."""

    origin: Origin
    inherited: Mapping[int, tuple[int, int]]  # descriptors that came through exec, and what they are
    umask: int
    mask: frozenset[int]
    ignored: frozenset[int]
    children: frozenset[int]  # of a shell that has started some before it executed this command

    @classmethod
    def of_this_process(cls) -> Beginning:
        """Raises UserError when the current directory is gone."""
        umask = os.umask(0)
        os.umask(umask)
        inherited = {fd: found for fd in _open() if os.get_inheritable(fd) and (found := _identity(fd))}
        mask = frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        # Our supervisor has started none: what there is, a file of gunicorn has started, and will again.
        before = frozenset() if supervised() else children()
        return cls(Origin.of_this_process(), inherited, umask, mask, frozenset(_ignored()), before)

    def again(self) -> NoReturn:
        """Raises OSError when the command cannot be executed."""
        for fd in _open():
            os.set_inheritable(fd, self.inherited.get(fd) == _identity(fd))
        signal.set_wakeup_fd(-1)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number in {*_ignored(), *RESET_BY_EXEC} - self.ignored:
            signal.signal(number, signal.SIG_DFL)
        os.umask(self.umask)
        os.chdir(self.origin.directory)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        environ = {**self.origin.environ, LATE_VARIABLE: str(os.getpid())}
        os.execvpe(self.origin.command[0], self.origin.command, environ)


def _open() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            os.get_inheritable(int(name))
            if int(name) > 2:
                found.append(int(name))
    return found


def _identity(fd: int) -> tuple[int, int] | None:
    with suppress(OSError):
        status = os.fstat(fd)
        return status.st_dev, status.st_ino
    return None


def _ignored() -> set[int]:
    return {number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN}
