"""Whether the master loads the application for its workers: --preload, and what auto finds out.

Called by master. auto loads it and looks at what that has left (left_behind). When nothing, that was all.
Otherwise the process begins again, and its workers load. A process that has become --user cannot begin again,
since it could not open its logs, and one that has called hooks would call them twice; there a child loads
first and looks.
"""

import atexit
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from os import fork, kill, waitpid  # bound before the application, which may replace them, is imported
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TypeVar

from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process import written_files
from rhebok.process.forked_child import our_fork
from rhebok.process.signals import ignore_for_good
from rhebok.serving import left_behind
from rhebok.serving.beginning import Beginning
from rhebok.serving.left_behind import Snapshot
from rhebok.settings.table import Settings

T = TypeVar("T")

END_SECONDS = 2.0  # for the exit handlers of a load that is thrown away, and then for its child processes
LONGEST_REPORT = 65536


class Preloading:
    """Of one generation. beginning: None when it cannot begin again. late: it has, and the workers load."""

    def __init__(
        self, settings: Settings, log: logging.Logger, beginning: Beginning | None = None, late: bool = False
    ) -> None:
        self._mode = False if late else settings.preload
        self._log = log
        self._beginning = beginning

    def load(self, load: Callable[[], T], takes_longer: Callable[[float], object]) -> T | None:
        """What load() returns; None when each worker is to load. takes_longer is told how many seconds a load
        took that is not used."""
        if self._mode == "auto":
            return self._look(load, takes_longer)
        return load() if self._mode else None

    def _look(self, load: Callable[[], T], takes_longer: Callable[[float], object]) -> T | None:
        started = monotonic()
        if self._beginning is None:
            found = self._look_in_child(load)
            takes_longer(monotonic() - started)
            if found:
                self._say(found)
            return None if found else load()
        before, loaded = Snapshot.take(), load()
        found = ", ".join(left_behind.find(before, _fork_and_end))
        if found:
            self._say(found)
            takes_longer(monotonic() - started)
            throw_away()
            self._beginning.again()
        return loaded

    def _say(self, found: str) -> None:
        text = (
            "--preload auto: each worker loads the application, whose import leaves what cannot be shared: %s"
        )
        self._log.info(text, found)

    def _look_in_child(self, load: Callable[[], object]) -> str:
        """A load that fails leaves nothing: the next one says why."""
        read_end, write_end = os.pipe()
        parent = os.getpid()
        with our_fork():
            pid = fork()
        if pid == 0:
            found = b""
            try:
                signal_when_parent_dies(signal.SIGKILL, parent)
                before = Snapshot.take()
                load()
                found = ", ".join(left_behind.find(before, _fork_and_end)).encode(errors="backslashreplace")
                throw_away()
            finally:
                os.write(write_end, found[:LONGEST_REPORT])
                os._exit(0)
        os.close(write_end)
        with open(read_end, "rb") as report:
            found = report.read(LONGEST_REPORT)
        waitpid(pid, 0)
        return found.decode()


def _fork_and_end() -> None:
    with our_fork():
        pid = fork()
    if pid == 0:
        os._exit(0)
    waitpid(pid, 0)


def throw_away() -> None:
    """Does what the end of the process would do: exit handlers, buffers, child processes. Nobody waits long
    for them, and not at all for the threads of this load."""
    atexit.unregister(ignore_for_good)  # the process goes on
    handlers = Thread(target=atexit._run_exitfuncs, daemon=True)
    handlers.start()
    handlers.join(END_SECONDS)
    written_files.flush(written_files.find(), lambda _file, _error: None)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    _end_children()


def _end_children() -> None:
    give_up = monotonic() + END_SECONDS
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _children():
            with suppress(ProcessLookupError, PermissionError):
                kill(pid, number)
        while _some_left() and (number is signal.SIGKILL or monotonic() < give_up):
            sleep(0.01)


def _some_left() -> bool:
    with suppress(ChildProcessError):
        while waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _children() -> list[int]:
    """Of this process (proc(5))."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            if int((directory / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(directory.name))
    return found
