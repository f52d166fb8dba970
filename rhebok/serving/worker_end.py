"""The end of a worker as the interpreter ends: threads joined, exit handlers run, files written.

Called by worker. It does not go through the interpreter's own end (Py_FinalizeEx): that loses the files which
gc.freeze() hides. After gc.unfreeze() it would touch, and so copy, the memory that the worker shares with the
master: of 460 MiB the search for files alone took 2.1 s and copied 210 MiB. This way the end takes 30 ms
more than os._exit, and 3 MiB.

It has no deadline of its own: the master enforces --graceful-timeout, and QUIT cuts it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from types import FrameType

from rhebok.process import written_files
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

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

    def cut(self, frame: FrameType | None) -> str:
        """What has not ended yet, for the log; "" before run(). frame: of the main thread."""
        if not self.begun:
            return ""
        frames = sys._current_frames()
        found = [f"thread {thread.name!r}{_where(frames.get(thread.ident or 0))}" for thread in _waited_for()]
        return ", ".join(found) or f"an exit handler{_where(frame)}"

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


def _where(frame: FrameType | None) -> str:
    """The place in the application's code, if there is one, rather than in the standard library's."""
    shown = frame
    while shown and _is_library(shown.f_code.co_filename):
        shown = shown.f_back
    shown = shown or frame
    return f" at {shown.f_code.co_filename}:{shown.f_lineno}" if shown else ""


def _is_library(path: str) -> bool:
    return path.startswith((_LIBRARY, "<frozen")) and "-packages" not in path
