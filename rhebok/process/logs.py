"""The error log: a text stream that survives rotation, and a logger on it. Opened by launch before the forks.

The stream is also wsgi.errors. Before each write it checks whether its path still names the open file, and
opens the path again when it does not. Each process does so for itself, so rotation needs no signal.
"""

import io
import logging
import os
import select
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO, cast

from rhebok.errors import UserError, os_reason

STDERR = "-"

_FORMAT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S %z"
_FULL_PIPE_SECONDS = 1.0  # how long to wait for a full pipe behind stderr before the line is dropped


class LogStream(io.TextIOBase):
    """Writes whole lines, each with one write(2), so that lines of different workers are never mixed.

    It needs no lock, which a fork could leave locked: each thread has its own unfinished line, and reopening
    replaces the file under the same descriptor. Writing raises nothing: what cannot be written is dropped.
    """

    def __init__(self, path: str | None, fd: int) -> None:
        self._path = path
        self._fd = fd
        self._unfinished = threading.local()

    @classmethod
    def open(cls, path: str) -> "LogStream":
        """A stream that appends to the file; `-` is stderr. Raises OSError."""
        return cls(None, 2) if path == STDERR else cls(os.path.abspath(path), _open(path))

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, text: str, /) -> int:
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._put(self._pop_unfinished() + whole + newline)
        if rest:
            self._unfinished.text = self._pop_unfinished() + rest
        return len(text)

    def flush(self) -> None:
        rest = self._pop_unfinished()
        if rest:
            self._put(rest)

    def _pop_unfinished(self) -> str:
        text: str = getattr(self._unfinished, "text", "")
        self._unfinished.text = ""
        return text

    def _put(self, text: str) -> None:
        """A log that cannot be written must not stop the server."""
        self._reopen_if_renamed()
        data = text.encode("utf-8", "backslashreplace")
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                if not select.select([], [self._fd], [], _FULL_PIPE_SECONDS)[1]:
                    return
            except OSError:
                return

    def _reopen_if_renamed(self) -> None:
        if self._path is None or _same_file(self._path, self._fd):
            return
        try:
            fresh = _open(self._path)
        except OSError:
            return  # the directory is gone: keep the old file
        with suppress(OSError):  # keep the old file
            os.dup2(fresh, self._fd, inheritable=False)
        os.close(fresh)


@dataclass(frozen=True)
class ErrorLog:
    """The error log: what rhebok logs through, and what the application gets as wsgi.errors."""

    logger: logging.Logger
    stream: TextIO


def open_error_log(path: str, level: str) -> ErrorLog:
    """The error log for --error-logfile and --log-level. Raises UserError when it cannot be opened."""
    try:
        stream = cast(TextIO, LogStream.open(path))
    except OSError as error:
        raise UserError(f"--error-logfile: cannot write to {path!r}: {os_reason(error)}") from None
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(_FORMAT, _DATE_FORMAT))
    # Not from getLogger(): an application that configures logging could disable it.
    logger = logging.Logger("rhebok", level.upper())
    logger.addHandler(handler)
    return ErrorLog(logger, stream)


def check_writable(option: str, path: str | None) -> None:
    """Raises UserError when the log or pid file could not be written. Does not create it."""
    if path is None or path == STDERR:
        return
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise UserError(f"{option}: cannot write to {path!r}: it is a directory")
    if not os.path.isdir(directory):
        raise UserError(f"{option}: cannot write to {path!r}: there is no directory {directory!r}")
    if not os.access(path if os.path.exists(path) else directory, os.W_OK):
        raise UserError(f"{option}: cannot write to {path!r}: permission denied")


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _same_file(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False
