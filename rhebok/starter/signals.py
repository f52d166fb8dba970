"""The superdaemon's signals: bytes in a pipe, since the handler does nothing else; and their names.

superdaemon.py waits on the pipe, process.py puts the dispositions back in the child.
"""

import os
import select
import signal
import time
from collections.abc import Iterable

from rhebok.starter.errors import StarterError

HANDLED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
# CPython ignores these for itself; a program must not inherit that.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_READ_SIZE = 4096
_LONGEST_POLL = 3_600_000  # poll(2) takes an int of milliseconds; waking up once an hour costs nothing


def signal_named(text: str) -> signal.Signals:
    """The signal called `TERM`, `SIGTERM`, `term` or `15`."""
    try:
        if text.isascii() and text.isdigit():
            return signal.Signals(int(text))
        name = text.upper().removeprefix("SIG")
        return signal.Signals[f"SIG{name}"]
    except (KeyError, ValueError):
        raise StarterError(f"{text!r} is not a signal; give a name like TERM, QUIT or USR1") from None


def short_name(number: int) -> str:
    """`TERM` for 15."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


class SignalPipe:
    """Turns the HANDLED signals into bytes that one poll(2) can wait for."""

    def __init__(self) -> None:
        self._read_fd, write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(write_fd, False)
        self._poll = select.poll()
        self._poll.register(self._read_fd, select.POLLIN)
        # A full pipe drops bytes, but then the loop has 64 Ki signals to look at anyhow.
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, _noticed_by_the_wakeup_fd)
        self.inherited_mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def wait(self, deadline: float | None) -> list[int]:
        """The signals that came, in order; [] once `deadline` (monotonic; None: never) has passed."""
        self._poll.poll(_milliseconds_until(deadline))
        try:
            return list(os.read(self._read_fd, _READ_SIZE))
        except BlockingIOError:
            return []


def restore_defaults(mask: Iterable[int]) -> None:
    """In a forked child: the dispositions and the mask that a program expects to start with."""
    signal.set_wakeup_fd(-1)
    for number in (*HANDLED, *_IGNORED_BY_PYTHON):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _noticed_by_the_wakeup_fd(_number: int, _frame: object) -> None:
    """CPython wrote the byte already, in its C handler."""


def _milliseconds_until(deadline: float | None) -> int | None:
    if deadline is None:
        return None
    # One more, so that the loop does not wake just before the deadline and go round for nothing.
    left = int((deadline - time.monotonic()) * 1000) + 1
    return min(max(0, left), _LONGEST_POLL)
