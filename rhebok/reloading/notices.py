"""Notices by inotify that something in a directory has changed, through watchfiles. Used by reloader.

A notice says only that it is time to look: what has changed is found by looking (watched_files). So one that
is lost, or that never comes, as on some network file systems, costs time and nothing else.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

from rhebok.process.pausable_thread import wait_for_the_kernel

STEP = 20  # milliseconds: how often watchfiles looks at what inotify has told it
PATIENCE = 1.0  # seconds that a fork waits for the thread


class Notices:
    """`descriptor` becomes readable. A thread waits in watchfiles; other directories take a new one."""

    def __init__(self, watchfiles: Any) -> None:
        self._watchfiles = watchfiles
        self.descriptor, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._directories: frozenset[str] = frozenset()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []  # the last one waits, those before it are about to end
        self.error: Exception | None = None  # why there are no notices any more

    def cover(self, directories: frozenset[str]) -> bool:
        """Whether these directories are covered already; otherwise they soon are."""
        if self.error or directories == self._directories:
            return not self.error
        self._stop.set()
        self._directories, self._stop = directories, threading.Event()
        thread = threading.Thread(target=self._wait, args=(directories, self._stop), daemon=True)
        # The thread inherits the mask: signals are for the main thread.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        return False

    def pause(self) -> None:
        """Before this process forks: no thread is there, so Python does not warn. cover() makes a new one."""
        self._stop.set()
        self._directories = frozenset()
        for thread in self._threads:
            thread.join(PATIENCE)
            wait_for_the_kernel(thread.native_id)
        self._threads.clear()

    def drain(self) -> bool:
        """Whether there was a notice."""
        with suppress(BlockingIOError):
            return bool(os.read(self.descriptor, 4096))
        return False

    def close(self) -> None:
        """The pipe is left to the thread, which may be about to write."""
        self._stop.set()

    def _wait(self, directories: frozenset[str], stop: threading.Event) -> None:
        try:
            for _ in self._watchfiles.watch(
                *directories,
                watch_filter=None,
                debounce=2 * STEP,
                step=STEP,
                stop_event=stop,
                recursive=False,
            ):
                with suppress(BlockingIOError):
                    os.write(self._write_end, b"!")
        except Exception as error:
            if not stop.is_set():
                self.error = error
