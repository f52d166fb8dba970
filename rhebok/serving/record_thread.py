"""The thread of a worker that hands the lines of the access log to handlers in Python.

Nothing that an application may replace (gevent, eventlet) is looked up when it runs.
"""

import logging
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress

from rhebok.native.at_fork import after_fork
from rhebok.process.access_records import AccessRecords
from rhebok.process.pausable_thread import PausableThread

EVERY = 1.0  # seconds
CROWDED = 512 * 1024  # bytes of lines at which requests wait for the handlers
PATIENCE = 0.05  # seconds that one request waits
AT_THE_END = 2.0

Take = Callable[[], tuple[bytes, int]]


class RecordThread:
    """Handles lines a second after they were written, and earlier when there are many.

    A request waits for handlers that are too slow, at most PATIENCE; once that was in vain, lines are lost
    until the handlers have caught up, and the error log says how many.
    """

    def __init__(self, records: AccessRecords, log: logging.Logger) -> None:
        self.format = records.format
        self.line_format = records.line_format
        self._records = records
        self._log = log
        self._wake = allocate_lock()  # released to wake the thread
        self._wake.acquire()
        self._handling = allocate_lock()
        self._patient = True
        self._take: Take = lambda: (b"", 0)

    def start(self, take: Take) -> None:
        """Raises RuntimeError when there can be no thread."""
        self._take = take
        PausableThread(self._step, self._wake_up, after_fork).start()

    def full(self, kept: int) -> None:
        """Called by a request whose line is one of so many bytes that wait."""
        self._wake_up()
        if kept >= CROWDED and self._patient:
            self._patient = self._handling.acquire(timeout=PATIENCE)
            if self._patient:
                self._handling.release()

    def finish(self) -> None:
        """Handles what is left. May be called in a signal handler, which may have interrupted a handler."""
        if self._handling.acquire(timeout=AT_THE_END):
            try:
                self._handle_all()
            finally:
                self._handling.release()

    def _wake_up(self) -> None:
        if self._wake.locked():
            with suppress(RuntimeError):  # another thread was faster
                self._wake.release()

    def _step(self) -> None:
        self._wake.acquire(timeout=EVERY)
        with self._handling:
            self._handle_all()

    def _handle_all(self) -> None:
        taken, lost = self._take()
        if lost:
            self._log.warning("%d lines of the access log were lost: its handlers are too slow", lost)
        try:
            if taken:
                self._records.handle(taken)
        except BaseException:
            self._log.exception("lines of the access log could not be handled")
        self._patient = True
