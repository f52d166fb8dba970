"""The end of a worker as the interpreter ends: threads joined, exit handlers run, files written.

Called by worker. It does not go through the interpreter's own end (Py_FinalizeEx): that loses the files which
gc.freeze() hides. After gc.unfreeze() it would touch, and so copy, the memory that the worker shares with the
master: of 460 MiB the search for files alone took 2.1 s and copied 210 MiB. This way the end takes 30 ms
more than os._exit, and 3 MiB.

The master enforces --graceful-timeout, and QUIT cuts it. A worker that has failed has a deadline of its own:
the master does not know that it ends.
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import os
import re
import threading
import weakref
from _thread import start_new_thread
from collections.abc import Iterable, Sequence
from os import _exit
from time import sleep
from types import FrameType

from rhebok.native.orphan import end_within
from rhebok.process import other_threads, written_files
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TextIO

LAST_SECONDS = 1.0  # for a worker that is late to write its tracebacks
# Not looked up in `threading` later, which an application may have patched.
_threads: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
_main_thread = threading.main_thread


class WorkerEnd:
    """Of one worker. Made right before the fork."""

    def __init__(self, log: logging.Logger, of_master: Sequence[weakref.ref[Any]]) -> None:
        """of_master: the files that the master had opened, see written_files.remember."""
        self._log = log
        self._of_master = of_master
        self.begun = False

    def run(self) -> None:
        """In the main thread."""
        self.begun = True
        # The interpreter looks both up as well: who has patched threads has threads of another kind.
        steps = (threading._shutdown, self._join_rest, atexit._run_exitfuncs, self._write_files)  # type: ignore[attr-defined]
        for step in steps:
            try:
                step()
            except BaseException as error:  # such as that of a process pool which is broken
                self._log.warning("at the end of the worker: %r", error)

    def limit(self, seconds: float, stream: TextIO) -> None:
        """From now on it takes so long at most. Then the threads write where they are, and the process ends
        with status 1. Raises RuntimeError when there can be no thread for that."""
        start_new_thread(_end_at_last, (max(0.001, seconds), stream))
        end_within(seconds + LAST_SECONDS)  # also when the interpreter is held

    def cut(self, frame: FrameType | None) -> str:
        """What has not ended yet, for the log; "" before run(). frame: of the main thread."""
        if not self.begun:
            return ""
        places = _places()
        found = [f"thread {thread.name!r}{places.get(thread.ident or 0, '')}" for thread in _waited_for()]
        return ", ".join(found) or f"an exit handler{_where(_of(frame))}"

    def _join_rest(self) -> None:
        """When the interpreter's own way has ended by an exception."""
        for thread in _waited_for():
            thread.join()

    def _write_files(self) -> None:
        written_files.flush(filter(None, (file() for file in self._of_master)), self._not_written)
        written_files.complete(written_files.find(), self._not_written)

    def _not_written(self, file: object, error: Exception) -> None:
        name = getattr(file, "name", None)
        self._log.warning("the rest of %.200r was not written: %s", name if name is not None else file, error)


def _waited_for() -> list[threading.Thread]:
    main = _main_thread()
    return [each for each in list(_threads.values()) if each is not main and not each.daemon]


_LIBRARY = os.path.dirname(os.__file__) + os.sep


def _end_at_last(seconds: float, stream: TextIO) -> None:
    sleep(seconds)
    try:
        stream.write(f"The worker, pid {os.getpid()}, does not end; this is where its threads are:\n")
        stream.flush()
        faulthandler.dump_traceback(stream, all_threads=True)
    finally:
        _exit(1)


_THREAD = re.compile(r"Thread 0x([0-9a-f]+) ")
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)


def _places() -> dict[int, str]:
    """Where the other threads are, by ident."""
    found = [(_THREAD.match(each), each) for each in other_threads.blocks(other_threads.tracebacks())]
    return {int(title[1], 16): _where(_FRAME.findall(each)) for title, each in found if title}


def _of(frame: FrameType | None) -> Iterable[tuple[str, object]]:
    """File and line, of this frame and those that have called it."""
    while frame:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _where(frames: Iterable[tuple[str, object]]) -> str:
    """The place in the application's code, if there is one, rather than in the standard library's."""
    places = list(frames)
    shown = next((place for place in places if not _is_library(place[0])), places[0] if places else None)
    return f" at {shown[0]}:{shown[1]}" if shown else ""


def _is_library(path: str) -> bool:
    return path.startswith((_LIBRARY, "<frozen")) and "-packages" not in path
