"""Where standard output and standard error go (--log-file), and the superdaemon's own lines.

cli.py opens the log while errors can still be shown, attaches it once the superdaemon is where it will stay,
and finishes it last. Everything that has something to say calls report().
"""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from rhebok.starter.errors import StarterError

STDOUT, STDERR = 1, 2
_LAST_LINES_PATIENCE = 5.0


def report(message: str) -> None:
    """One line on standard error; a log that is gone must not take the superdaemon along."""
    with suppress(OSError):
        os.write(STDERR, f"rhebok-starter: {message}\n".encode(errors="backslashreplace"))


def fill_standard_descriptors() -> None:
    """Opens what is closed of 0, 1 and 2, so that no socket comes to stand where output is written."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= STDERR:
        os.set_inheritable(fd, True)
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


class Log:
    """A --log-file value: a file to append to, or a command that reads our output."""

    def __init__(self, spec: str) -> None:
        self._command = spec.strip()[1:].strip() if spec.lstrip().startswith("|") else None
        self._fd = _opened(spec) if self._command is None else -1
        self.pid: int | None = None
        if self._command == "":
            raise StarterError(f"--log-file={spec}: no command after the '|'")

    def attach(self) -> None:
        """Standard output and standard error go to the log from here on."""
        fd = self._fd if self._command is None else self._start_command(self._command)
        for standard in (STDOUT, STDERR):
            os.dup2(fd, standard)
        os.close(fd)

    def finish(self, wait_for_exit: Callable[[int, float], None]) -> None:
        """Closes our end and gives the command a limited time for its last lines."""
        if self.pid is None:
            return
        null = os.open(os.devnull, os.O_WRONLY)
        for standard in (STDOUT, STDERR):
            os.dup2(null, standard)
        os.close(null)
        wait_for_exit(self.pid, time.monotonic() + _LAST_LINES_PATIENCE)

    def _start_command(self, command: str) -> int:
        # In a session of its own, so that the terminal's ^C does not end the log before its last lines.
        process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, start_new_session=True)
        if process.stdin is None:
            raise StarterError(f"--log-file=|{command}: no pipe to the command")
        self.pid = process.pid
        fd = os.dup(process.stdin.fileno())
        process.stdin.close()
        # We reap it with all the others; Popen must not try to.
        process.returncode = 0
        return fd


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise StarterError(f"cannot open the log: {error}") from error
