"""One generation as the supervisor sees it, and how it is started: fork and exec of this very command.

A new interpreter each time: new code, new settings, a new Python if the virtual environment has changed.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from signal import Signals
from typing import NoReturn

from rhebok.listening.listeners import STARTER_VARIABLE, Listener
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.superdaemon.notify import NOTIFY_VARIABLE, WATCHDOG_VARIABLES

GENERATION_VARIABLE = "SERVER_STARTER_GENERATION"
SUPERVISOR_VARIABLE = "RHEBOK_SUPERVISOR"  # its pid; tells a generation that it has one

CANNOT_EXEC = 127


class Phase(Enum):
    STARTING = "it has not said that it is ready"
    PROVING = "it is ready, and must live for --kill-old-delay"
    SERVING = "it is the current one"
    ENDING = "it was told to stop"


@dataclass
class Generation:
    number: int
    pid: int
    phase: Phase
    deadline: float = float("inf")  # of the phase
    gradual: bool = False  # its predecessor is to leave by and by
    late: bool = False  # its start took too long, and it was told to end
    served_since: float = 0.0
    retiring: bool = False  # it was told to stop by and by

    def send(self, number: Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def __str__(self) -> str:
        return f"generation {self.number} (pid {self.pid})"


@dataclass(frozen=True)
class Launcher:
    """What all generations are started with."""

    arguments: Sequence[str]
    directory: str
    listeners: Sequence[Listener]
    notify_address: str
    signals: frozenset[Signals]

    def start(self, number: int) -> int:
        """The pid of a new generation. OSError when it cannot be forked."""
        environ = self._environ(number)
        supervisor = os.getpid()
        # Until the child has its own dispositions a signal to it would be taken by our handlers, and lost.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, self.signals)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(environ, supervisor, previous)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def _environ(self, number: int) -> dict[str, str]:
        ours = {
            STARTER_VARIABLE: ";".join(_spec(listener) for listener in self.listeners),
            GENERATION_VARIABLE: str(number),
            NOTIFY_VARIABLE: self.notify_address,
            SUPERVISOR_VARIABLE: str(os.getpid()),
        }
        inherited = {name: value for name, value in os.environ.items() if name not in WATCHDOG_VARIABLES}
        return {**inherited, **ours}

    def _become(self, environ: Mapping[str, str], supervisor: int, mask: set[int]) -> NoReturn:
        """In the child, which never returns to the supervisor's code."""
        try:
            for number in self.signals:
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            signal_when_parent_dies(Signals.SIGTERM, supervisor)
            os.chdir(self.directory)
            for listener in self.listeners:
                os.set_inheritable(listener.fileno(), True)
            os.execve(self.arguments[0], list(self.arguments), dict(environ))
        except BaseException as error:
            os.write(
                2, f"rhebok: error: cannot run {self.arguments[0]} in {self.directory}: {error}\n".encode()
            )
        finally:
            os._exit(CANNOT_EXEC)


def command_line() -> list[str]:
    """How this process was started, to be started so again."""
    return [sys.executable, *sys.orig_argv[1:]]


def start_directory() -> str:
    """The shell's name for the current directory where it is one: of a symbolic link that deploys move, a new
    generation sees the new target."""
    here, said = os.getcwd(), os.environ.get("PWD", "")
    with suppress(OSError):
        if os.path.isabs(said) and os.path.samefile(said, here):
            return said
    return here


def supervised() -> bool:
    """Whether this process is a generation of our supervisor, rather than of a foreign superdaemon."""
    return os.environ.get(SUPERVISOR_VARIABLE) == str(os.getppid())


def follow_supervisor() -> None:
    """Again after a change of user, which takes the kernel's promise away (prctl(2), PR_SET_PDEATHSIG)."""
    if supervised():
        signal_when_parent_dies(Signals.SIGTERM, int(os.environ[SUPERVISOR_VARIABLE]))


def _spec(listener: Listener) -> str:
    """Of a path there is no other way to know its name: the socket was bound under a temporary one."""
    if listener.path:
        return f"{listener.path.path.replace(';', '?')}={listener.fileno()}"
    return f"{listener.name.removeprefix('http://')}={listener.fileno()}"
