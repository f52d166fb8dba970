"""The tracebacks that workers write on USR2, on their way to the error log. Used by master and worker.

faulthandler writes in C, whatever the interpreter is doing, and writes all frames. So it writes into a file
in memory. The worker's handler in Python passes that on to the log, without our frames. When it does not,
because the interpreter is held, the master does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from fcntl import F_SETFL, fcntl
from os import kill, pread

from rhebok.process.signals import TRACEBACK_SIGNAL
from rhebok.process.tracebacks import application_threads
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

PATIENCE = 0.5  # for a worker to pass its traceback on; the supervisor kills a late master after a second


def ask_for_traceback(pid: int) -> None:
    """Sends the signal. Raises nothing when the worker is gone."""
    with suppress(ProcessLookupError):
        kill(pid, TRACEBACK_SIGNAL)


class TracebackFile:
    """The file of one worker. Made by the master before the fork: both have it."""

    def __init__(self, stream: TextIO) -> None:
        """stream: the error log. A system without such files gets its tracebacks there, with all frames."""
        self._stream = stream
        self._own: int | None = None
        try:
            self._own = os.memfd_create("rhebok-traceback")
            fcntl(self._own, F_SETFL, os.O_APPEND)  # the position would stay behind the end that pass_on sets
        except (OSError, AttributeError):
            return

    @property
    def fd(self) -> int:
        """Where faulthandler is to write."""
        return self._stream.fileno() if self._own is None else self._own

    @property
    def own(self) -> list[int]:
        """The descriptor that close() closes, if any."""
        return [] if self._own is None else [self._own]

    def is_empty(self) -> bool:
        return self._own is None or os.fstat(self._own).st_size == 0

    def pass_on(self) -> None:
        """Writes to the log what was written here since the last time."""
        if self._own is None or self.is_empty():
            return
        written = pread(self._own, os.fstat(self._own).st_size, 0)
        os.ftruncate(self._own, 0)
        self._stream.write(application_threads(written.decode("utf-8", "backslashreplace")))

    def close(self) -> None:
        if self._own is not None:
            os.close(self._own)
            self._own = None


class WorkerTracebacks:
    """The files of all workers of a master. Times are those of `clock`, in seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self.descriptors: list[int] = []  # what a worker closes, but its own
        self._files: dict[int, TracebackFile] = {}
        self._due: dict[int, float] = {}  # when to look whether the worker has passed its traceback on

    def before_fork(self) -> TracebackFile:
        """Makes the file of a worker."""
        file = TracebackFile(self._stream)
        self.descriptors += file.own
        return file

    def forked(self, file: TracebackFile, pid: int) -> None:
        """That worker has it."""
        self._files[pid] = file

    def forget(self, file: TracebackFile) -> None:
        """Closes it: there is no such worker."""
        for descriptor in file.own:
            self.descriptors.remove(descriptor)
        file.close()

    def reaped(self, pid: int) -> None:
        """The worker has ended, and may have left a traceback."""
        self._due.pop(pid, None)
        if file := self._files.pop(pid, None):
            file.pass_on()
            self.forget(file)

    def ask(self, pid: int) -> None:
        """Makes the worker write its traceback. It will be in the log soon, whatever the worker does."""
        ask_for_traceback(pid)
        self._due[pid] = self._clock() + PATIENCE

    def look(self) -> None:
        """Writes the tracebacks that workers have not passed on, whoever has asked for them."""
        now = self._clock()
        for pid, file in self._files.items():
            if file.is_empty():
                continue
            if now >= self._due.setdefault(pid, now + PATIENCE):
                file.pass_on()
        self._due = {pid: due for pid, due in self._due.items() if now < due}

    def next_at(self) -> float:
        """When to look again; somebody else's question is seen in any look."""
        return min(self._due.values(), default=float("inf"))
