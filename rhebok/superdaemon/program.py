"""The program that a superdaemon starts again and again: fork, then exec with the sockets and nothing else.

Each start is a new interpreter: new code, new settings, a new Python if the virtual environment has changed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from signal import Signals

from rhebok.process.fork_warning import no_fork_warning
from rhebok.process.signals import RESET_BY_EXEC
from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from typing import NoReturn

CANNOT_EXEC = 127


@dataclass(frozen=True)
class Program:
    """What all generations are started with."""

    label: str  # of the superdaemon, for its messages
    command: tuple[str, ...]  # looked up on PATH
    directory: str | None  # None: the superdaemon's own
    pass_on: Callable[[], None]  # in the child: lets the sockets through exec

    def start(self, environ: Mapping[str, str], handled: Iterable[Signals], mask: Iterable[int]) -> int:
        """The pid of a new process that runs the program. OSError when it cannot be forked.

        It begins with default dispositions of the `handled` signals, and with the signal mask `mask`.
        """
        # Until the child has its own dispositions, a signal to it would be noted by our handlers and lost.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            with no_fork_warning():
                pid = os.fork()
            if pid == 0:
                self._become(environ, handled, mask)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def _become(
        self, environ: Mapping[str, str], handled: Iterable[Signals], mask: Iterable[int]
    ) -> NoReturn:
        """In the child. It never returns to the superdaemon's code, whose clean-up would remove our files."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (*handled, *RESET_BY_EXEC):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if self.directory is not None:
                os.chdir(self.directory)
            self.pass_on()
            # An entry without a name, which another program may have left, is refused by Python.
            named = {name: value for name, value in environ.items() if name}
            os.execvpe(self.command[0], self.command, named)
        except BaseException as error:  # whatever it is, the child ends here
            where = f" in {self.directory}" if self.directory else ""
            message = f"{self.label}: error: cannot run {self.command[0]}{where}: {error}\n"
            os.write(2, message.encode(errors="backslashreplace"))
        finally:
            os._exit(CANNOT_EXEC)
