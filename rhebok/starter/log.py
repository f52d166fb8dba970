"""Where standard output and standard error go (--log-file), and the superdaemon's own lines.

cli.py opens the log while errors can still be shown, attaches it once the superdaemon is where it will stay,
and finishes it last. Everything that has something to say calls report().
"""

import os
import time
from contextlib import suppress

from rhebok.errors import UserError, os_reason
from rhebok.process.nonblocking import unblocked, write_now
from rhebok.process.open_files import open_null
from rhebok.process.opening import open_file

STDOUT, STDERR = 1, 2
_LAST_LINES_PATIENCE = 5.0
_LOOK_EVERY = 0.02


_dropped = [0]  # lines that nobody read in time, not yet said


def report(message: str) -> None:
    """One line on standard error; a log that is gone or full must not take the superdaemon along."""
    if _dropped[0]:
        message = (
            f"{_dropped[0]} lines before this one were dropped: nobody read them\nrhebok-starter: {message}"
        )
    try:
        _write(f"rhebok-starter: {message}\n".encode(errors="backslashreplace"))
        _dropped[0] = 0
    except OSError:
        _dropped[0] += 1


def _write(line: bytes) -> None:
    fd = unblocked(STDERR)
    try:
        write_now(fd, line)
    finally:
        if fd != STDERR:
            os.close(fd)


class Reporter:
    """report() as the engine wants it; there are no levels."""

    def info(self, text: str, /, *arguments: object) -> None:
        report(text % arguments)

    debug = warning = error = info


class Log:
    """A --log-file value: a file to append to, or a command that reads our output."""

    def __init__(self, spec: str) -> None:
        self._command = spec.strip()[1:].strip() if spec.lstrip().startswith("|") else None
        self._fd = _opened(spec) if self._command is None else -1
        self.pid: int | None = None
        if self._command == "":
            raise UserError(f"--log-file={spec}: no command after the '|'")

    def attach(self) -> None:
        """Standard output and standard error go to the log from here on."""
        fd = self._fd if self._command is None else self._start_command(self._command)
        for standard in (STDOUT, STDERR):
            os.dup2(fd, standard)
        os.close(fd)

    def finish(self) -> None:
        """Closes our end and gives the command a limited time for its last lines."""
        if self.pid is None:
            return
        null = open_null(os.O_WRONLY)
        for standard in (STDOUT, STDERR):
            os.dup2(null, standard)
        os.close(null)
        deadline = time.monotonic() + _LAST_LINES_PATIENCE
        with suppress(ChildProcessError):  # it has ended, and the engine has reaped it
            while os.waitpid(self.pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
                time.sleep(_LOOK_EVERY)

    def _start_command(self, command: str) -> int:
        import subprocess  # with threading 0.8 MiB, which a superdaemon without such a log does not hold

        # In a session of its own, so that the terminal's ^C does not end the log before its last lines.
        process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, start_new_session=True)
        if process.stdin is None:
            raise UserError(f"--log-file=|{command}: no pipe to the command")
        self.pid = process.pid
        fd = os.dup(process.stdin.fileno())
        process.stdin.close()
        # We reap it with all the others; Popen must not try to.
        process.returncode = 0
        return fd


def _opened(path: str) -> int:
    try:
        fd = open_file(path, os.O_WRONLY | os.O_APPEND, 0o666).fd
    except OSError as error:
        raise UserError(f"cannot open the log {path!r}: {os_reason(error)}") from error
    os.set_blocking(fd, True)  # for the programs, which expect that of their standard error
    return fd
