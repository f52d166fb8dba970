"""The stream of the error log: whole lines, and files that survive rotation. It is also wsgi.errors.

Before each write it checks whether its path still names the open file, and opens the path again when it does
not. Each process does so for itself, so rotation needs no signal. A write does not wait for a reader of a
full pipe: lines are dropped and counted, and the log says so later. It needs no logging, which a supervisor
does without (plain_log.py).
"""

import errno
import io
import os
import time
from _thread import _local
from contextlib import suppress

from rhebok.errors import UserError, os_reason
from rhebok.process.file_lock import is_same_file
from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.line import json_line, log_line, lost_line
from rhebok.process.nonblocking import is_writable, made_unblocked, unblocked, write_now
from rhebok.process.opening import Opened, open_file
from rhebok.records import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import TextIO

STDERR = "-"
APPEND = os.O_WRONLY | os.O_APPEND

_FULL_PIPE_SECONDS = 0.05  # for a reader that is only slow; once a line was dropped there is no waiting


class WholeLines(io.TextIOBase):
    """Passes whole lines on to `_put`. It needs no lock, which a fork could leave locked: each thread has its
    own unfinished line."""

    def __init__(self) -> None:
        self._unfinished = _local()

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._put(self._pop_unfinished() + whole + newline)
        if rest:
            self._unfinished.text = self._pop_unfinished() + rest
        return len(text)

    def flush(self) -> None:
        if rest := self._pop_unfinished():
            self._put(rest)

    def _pop_unfinished(self) -> str:
        text: str = getattr(self._unfinished, "text", "")
        self._unfinished.text = ""
        return text

    def _put(self, text: str) -> None:
        raise NotImplementedError


class LogStream(WholeLines):
    """Writes whole lines, each with one write(2), so that lines of different workers are never mixed.

    Reopening replaces the file under the same descriptor. Writing raises nothing: what cannot be written is
    dropped.
    """

    def __init__(
        self,
        path: str | None,
        fd: int,
        user: Identity = UNCHANGED,
        exposed: bool = False,
        as_json: bool = False,
    ) -> None:
        """path: None for a file that is never opened again. user: that this process is going to become.
        exposed: see Opened. as_json: the lines are JSON, so its own are too."""
        super().__init__()
        self._path = path
        self._fd = fd
        self._user = user
        self._opener = os.getpid() if exposed else None
        self._as_json = as_json
        self._lost = 0  # lines, not yet said
        self._torn = False  # the last write ended within a line
        self._stays = False  # in the renamed file, and that is said
        self._captured: tuple[int, ...] = ()  # descriptors that are this file too

    @classmethod
    def open(cls, path: str, user: Identity = UNCHANGED, as_json: bool = False) -> "LogStream":
        """A stream that appends to the file; `-` is stderr. Raises OSError."""
        if path == STDERR:
            return cls(None, unblocked(2), as_json=as_json)
        path = os.path.abspath(path)
        opened = open_log(path, user)
        return cls(path if opened.renamable else None, opened.fd, user, opened.exposed, as_json)

    def capture(self, *fds: int) -> None:
        """Makes the descriptors this file, from now on and when it is opened again."""
        self._captured = fds
        for fd in fds:
            os.dup2(self._fd, fd)

    def fileno(self) -> int:
        return self._fd

    def flush(self) -> None:
        rest = self._pop_unfinished()
        if rest or self._lost:
            self._put(rest)

    def _put(self, text: str) -> None:
        """A log that cannot be written must not stop the server."""
        self._reopen_if_renamed()
        data = text.encode("utf-8", "backslashreplace")
        lost = self._lost
        notice = self._notice(lost) if lost else b""
        left = self._write(notice + data, 0 if lost else _FULL_PIPE_SECONDS)
        if written := len(notice) + len(data) - len(left):
            self._torn = (notice + data)[written - 1 : written] != b"\n"
        if written >= len(notice):
            self._lost -= lost
        missing = left[max(0, len(left) - len(data)) :]
        self._lost += missing.count(b"\n") or bool(missing)

    def _notice(self, lost: int) -> bytes:
        end = "\n" if self._torn else ""
        return f"{end}{lost_line(lost, self._as_json)}\n".encode()

    def _write(self, data: bytes, patience: float) -> bytes:
        """Returns what was not written. Waits once at most."""
        deadline = time.monotonic() + patience
        while data:
            try:
                data = data[write_now(self._fd, data) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not is_writable(self._fd, left):
                    return data
            except OSError:
                return data
        return data

    def _reopen_if_renamed(self) -> None:
        if self._path is None or is_same_file(self._path, self._fd):
            return
        try:
            self._refuse_in_workers_of_root()
            fresh = open_log(self._path, self._user).fd
        except OSError as error:
            self._say_that_it_stays(error)
            return
        with suppress(OSError):  # keep the old file
            os.dup2(fresh, self._fd, inheritable=False)
            for fd in self._captured:
                os.dup2(fresh, fd)
            self._stays = False
        os.close(fresh)

    def _refuse_in_workers_of_root(self) -> None:
        """They may have threads, which would all take the rights of the directory's owner, and give them back
        while another one opens the file: it would follow a link as root."""
        if self._opener not in (None, os.getpid()) and os.geteuid() == 0:
            reason = "others than root can write its directory, and this worker is root's (a deploy opens it)"
            raise PermissionError(errno.EACCES, reason)

    def _say_that_it_stays(self, error: OSError) -> None:
        """Once: what follows is in the renamed file, where nobody looks for it."""
        if self._stays:
            return
        self._stays = True
        text = "the error log {!r} cannot be opened again: {}; this process goes on writing to the old file"
        message = text.format(self._path, os_reason(error))
        line = json_line("WARNING", message) if self._as_json else log_line("WARNING", message)
        self._write(f"{line}\n".encode("utf-8", "backslashreplace"), 0)


class RecordStream(WholeLines):
    """Text on its way to a log of records: what comes until a write that ends a line is one, so that of
    print() is."""

    def __init__(self, lines: LogStream, put: "Callable[[str, str], object]", form: str) -> None:
        """lines: takes what is formatted already. put: takes a level and a message. form: of the records."""
        super().__init__()
        self.lines = lines
        self.form = form  # native reads it: C writes lines too
        self._put_record = put

    def fileno(self) -> int:
        return self.lines.fileno()

    def write(self, text: str, /) -> int:
        whole = self._pop_unfinished() + text
        if whole.endswith("\n"):
            self._put(whole)
        else:
            self._unfinished.text = whole
        return len(text)

    def flush(self) -> None:
        super().flush()
        self.lines.flush()

    def _put(self, text: str) -> None:
        if text := text.rstrip("\n"):
            self._put_record("ERROR", text)


@dataclass(frozen=True)
class ErrorLog:
    """The error log: what rhebok logs through, and what the application gets as wsgi.errors."""

    logger: "logging.Logger"  # or a PlainLogger
    stream: "TextIO"

    @property
    def lines(self) -> "TextIO":
        """The stream for lines that are in their format already."""
        return self.stream.lines if isinstance(self.stream, RecordStream) else self.stream  # type: ignore[return-value]


def open_stream(path: str, user: Identity = UNCHANGED, as_json: bool = False) -> "TextIO":
    """The stream for --error-logfile and --user. UserError when it cannot be opened."""
    try:
        return LogStream.open(path, user, as_json)  # type: ignore[return-value]  # what is used of it
    except OSError as error:
        raise UserError(f"--error-logfile: cannot write to {path!r}: {os_reason(error)}") from None


def open_log(path: str, user: Identity) -> Opened:
    """Opens the file for lines. Raises OSError."""
    opened = open_file(path, APPEND, 0o644, user)
    return replace(opened, fd=made_unblocked(opened.fd))
