"""Whether the master loads the application for its workers: --preload, and what auto finds out.

Called by master. auto loads it and looks at what that has left (left_behind). When nothing, that was all.
Otherwise the process begins again, and its workers load. A process that has become --user cannot begin again,
since it could not open its logs, and one that has called hooks would call them twice; there a child loads
first and looks.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from os import fork, waitpid  # bound before the application, which may replace them, is imported
from threading import Thread
from time import monotonic

from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process import written_files
from rhebok.process.child_processes import end_children
from rhebok.process.forked_child import our_fork
from rhebok.process.reaping import describe_end
from rhebok.process.signals import ignore_for_good
from rhebok.records import TYPE_CHECKING
from rhebok.serving import left_behind
from rhebok.serving.beginning import Beginning
from rhebok.serving.left_behind import Snapshot

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

    from typing import NoReturn

    from rhebok.settings.table import Settings

END_SECONDS = 2.0  # for the exit handlers of a load that is thrown away, and then for its child processes
LONGEST_REPORT = 4096  # bytes: an empty pipe always takes so many at once


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
            throw_away(self._beginning.children)
            self._beginning.again()
        return loaded

    def _say(self, found: str) -> None:
        text = (
            "--preload auto: each worker loads the application, whose import leaves what cannot be shared: %s"
        )
        self._log.info(text, found)

    def _look_in_child(self, load: Callable[[], object]) -> str:
        """A child that is killed may have left anything."""
        read_end, write_end = os.pipe()
        parent = os.getpid()
        with our_fork:
            pid = fork()
        if pid == 0:
            try:
                signal_when_parent_dies(signal.SIGKILL, parent)
                _report(load, write_end)
            finally:
                os._exit(1)
        os.close(write_end)
        code = os.waitstatus_to_exitcode(waitpid(pid, 0)[1])
        os.set_blocking(read_end, False)  # a daemon that the load has started has the other end for ever
        with open(read_end, "rb") as report:
            text = (report.read(LONGEST_REPORT) or b"").decode(errors="replace")
        return f"unknown, since the process that looked {describe_end(code)}" if code else text


def _report(load: Callable[[], object], to: int) -> NoReturn:
    """In the child. A load that fails leaves nothing: the next one says why."""
    before = Snapshot.take()
    try:
        load()
    except BaseException:
        os._exit(0)
    found = ", ".join(left_behind.find(before, _fork_and_end)).encode(errors="backslashreplace")
    throw_away()
    os.write(to, found[:LONGEST_REPORT])
    os._exit(0)


def _fork_and_end() -> None:
    with our_fork:
        pid = fork()
    if pid == 0:
        os._exit(0)
    with suppress(ChildProcessError):  # the application ignores CHLD
        waitpid(pid, 0)


def throw_away(spared: Collection[int] = frozenset()) -> None:
    """Does what the end of the process would do: exit handlers, buffers, child processes but those that are
    spared. Nobody waits long for them, and not at all for the threads of this load."""
    atexit.unregister(ignore_for_good)  # the process goes on
    handlers = Thread(target=atexit._run_exitfuncs, daemon=True)
    handlers.start()
    handlers.join(END_SECONDS)
    written_files.flush(written_files.find(), lambda _file, _error: None)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    end_children(END_SECONDS, spared)
