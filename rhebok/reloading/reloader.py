"""When to reload: finds changed files, and waits until they are at rest. Made by launch, used by supervisor.

It polls the files, or with watchfiles waits for a notice and polls rarely. A change is reported when nothing
more has changed for a moment: an editor that saves several files, or git, causes one reload.
"""

import importlib.util
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from rhebok.reloading.notices import Notices
from rhebok.reloading.watched_files import WatchedFiles

POLL = 0.2  # seconds between two looks
SHARE = 20  # but looking takes at most one part of so many of the time
RARELY = 2.0  # seconds between two looks where notices come: on some file systems there are none
REST = 0.05  # how long nothing may have changed
LONGEST_REST = 0.5  # after the first change, though files change all the time


class Reloader:
    """Its moments are those of time.monotonic()."""

    def __init__(self, files: WatchedFiles, notices: Notices | None = None) -> None:
        self._files = files
        self._notices = notices
        self._read_end, self._write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_end, False)
        self._unread = b""  # the beginning of a path
        self._since = 0  # time.time_ns() of the latest start
        self._changed: dict[str, None] = {}  # not reported yet, in this order
        self._changed_since: set[str] = set()  # the latest start
        self._changed_at = 0.0  # the first of them
        self._not_before = 0.0  # not even when a notice comes
        self.next_at = 0.0  # when to look again

    @property
    def fd_to_pass_on(self) -> int:
        """A generation tells its files there (executed_files)."""
        return self._write_end

    def descriptors(self) -> Iterable[int]:
        return (self._read_end, self._notices.descriptor) if self._notices else (self._read_end,)

    def starting(self) -> None:
        """A generation is about to be started: it reads all files anew.

        Python takes compiled code for that of its source when time, in seconds, and size are the same. Of two
        saves within a second the second one would have no effect.
        """
        for path in self._changed_since:
            with suppress(OSError, ValueError, NotImplementedError):
                os.unlink(importlib.util.cache_from_source(path))
        self._changed_since.clear()
        if self._notices:
            self._notices.pause()
            self.next_at = min(self.next_at, time.monotonic() + POLL)
        self._since = time.time_ns()
        self._files.await_changes()

    def failed(self) -> None:
        """The start has failed."""
        self._files.await_new_modules()

    def look(self, now: float) -> Sequence[str]:
        """The files because of which to reload now."""
        self._read_told()
        if self._notices and self._notices.drain():
            self.next_at = min(self.next_at, max(now, self._not_before))
        if now < self.next_at:
            return ()
        found = self._files.look()
        if found:
            if not self._changed:
                self._changed_at = now
            self._changed.update(dict.fromkeys(found))
            self._changed_since.update(found)
            if now < self._changed_at + LONGEST_REST:
                self.next_at = now + REST
                return ()
        self.next_at = self._next_look(now)
        reported, self._changed = tuple(self._changed), {}
        return reported

    def changed_text(self, paths: Sequence[str]) -> str:
        """For the log."""
        return changed_text(paths, os.getcwd())

    def close(self) -> None:
        os.close(self._read_end)
        os.close(self._write_end)
        if self._notices:
            self._notices.close()

    def _next_look(self, now: float) -> float:
        covered = self._notices and self._notices.cover(self._files.directories())
        ended = time.monotonic()
        self._not_before = ended + SHARE * (ended - now)
        return max(ended + (RARELY if covered else POLL), self._not_before)

    def _read_told(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._read_end, 65536):
                *paths, self._unread = (self._unread + data).split(b"\0")
                for path in paths:
                    self._files.add(os.fsdecode(path), self._since)


def changed_text(paths: Sequence[str], directory: str) -> str:
    """For the log."""
    shown = [path.removeprefix(os.path.join(directory, "")) for path in paths[:3]]
    return ", ".join(shown) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
