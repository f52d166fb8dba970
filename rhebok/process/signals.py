"""What each signal does, as one table, and the flags that handlers set.

The functions of os and signal are bound here, before the application is imported: it may replace them.

Used by the prefork engine, by superdaemons and by workers.

A handler only notes its signal; set_wakeup_fd makes a pipe readable, so that a loop in poll(2) wakes up.
docs/SIGNALS.md and docs/STARTER.md say the same for people.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from os import close, pipe2, read
from signal import Signals, getsignal, set_wakeup_fd
from types import FrameType

from rhebok.process.bare_signals import DEFAULT, IGNORE, set_handler
from rhebok.records import dataclass


class Action(Enum):
    """What a process does on a signal."""

    REAP = auto()
    QUIT = auto()
    STOP = auto()
    RECYCLE = auto()
    RETIRE = auto()
    DEPLOY = auto()
    REOPEN = auto()
    PASS_ON = auto()
    MORE = auto()
    FEWER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Row:
    signal: Signals
    action: Action


# What each process does on each signal; None: the default action of the kernel. Signals that arrive together
# are handled in this order: deaths are known before anything is decided.
_TABLE: tuple[tuple[Signals, Action | None, Action | None, Action | None], ...] = (
    #  signal          master         supervisor               rhebok-starter
    (Signals.SIGCHLD, Action.REAP, Action.REAP, Action.REAP),
    (Signals.SIGINT, Action.QUIT, Action.QUIT, Action.STOP),
    (Signals.SIGQUIT, Action.QUIT, Action.QUIT, None),
    (Signals.SIGTERM, Action.STOP, Action.STOP, Action.STOP),
    (Signals.SIGHUP, Action.RECYCLE, Action.DEPLOY, Action.DEPLOY),
    (Signals.SIGTTIN, Action.MORE, Action.PASS_ON, None),
    (Signals.SIGTTOU, Action.FEWER, Action.PASS_ON, None),
    # Caught all the same: by default they would end a server whose logrotate script came from another one.
    (Signals.SIGUSR1, Action.RETIRE, Action.REOPEN, None),
    (Signals.SIGUSR2, Action.NONE, Action.NONE, None),
)


def _rows(column: int) -> tuple[Row, ...]:
    rows = ((row[0], row[column]) for row in _TABLE)
    return tuple(Row(number, action) for number, action in rows if isinstance(action, Action))


MASTER_SIGNALS, SUPERVISOR_SIGNALS, STARTER_SIGNALS = _rows(1), _rows(2), _rows(3)

# What is sent to children.
STOP_SIGNAL = Signals.SIGTERM
QUIT_SIGNAL = Signals.SIGQUIT
RETIRE_SIGNAL = Signals.SIGUSR1  # stop one worker after the other, to a generation
TRACEBACK_SIGNAL = Signals.SIGUSR2  # write a traceback, to a worker or to a generation that is not ready

# A terminal or `kill -- -PGID` sends these to workers as well; the master alone answers them. They get a
# handler that does nothing, not SIG_IGN, which programs started by the application would inherit.
IGNORED_BY_WORKERS = (
    Signals.SIGINT,
    Signals.SIGHUP,
    Signals.SIGUSR1,
    Signals.SIGTTIN,
    Signals.SIGTTOU,
)


# CPython ignores these for itself; a program that is started must not inherit that.
RESET_BY_EXEC = (Signals.SIGPIPE, Signals.SIGXFSZ)


def signal_named(text: str) -> Signals:
    """The signal called `TERM`, `SIGTERM`, `term` or `15`; ValueError when there is none."""
    try:
        if text.isascii() and text.isdigit():
            return Signals(int(text))
        return Signals["SIG" + text.upper().removeprefix("SIG")]
    except (KeyError, ValueError):
        raise ValueError(f"{text!r} is not a signal; give a name like TERM, QUIT or USR1") from None


class WakeupPipe:
    """Becomes readable when a signal came in. Both ends are non-blocking and close on exec."""

    def __init__(self) -> None:
        self.read_end, self._write_end = pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        set_wakeup_fd(self._write_end, warn_on_full_buffer=False)

    @property
    def descriptors(self) -> tuple[int, int]:
        return self.read_end, self._write_end

    def drain(self) -> None:
        try:
            while read(self.read_end, 4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        set_wakeup_fd(-1)
        close(self.read_end)
        close(self._write_end)


class NotedSignals:
    """Handlers for the signals of a table; `pop_pending` gives what came in since, by priority."""

    def __init__(self, table: Iterable[Row]) -> None:
        self._table = tuple(table)
        self.signals = frozenset(row.signal for row in self._table)
        self.numbers = tuple(map(int, self.signals))
        self._noted: deque[int] = deque()
        self.pipe = WakeupPipe()
        for row in self._table:
            set_handler(row.signal, self._note)

    @property
    def pending(self) -> bool:
        return bool(self._noted)

    def pop_pending(self) -> Iterator[Row]:
        """Each signal as often as it was noted."""
        noted = [self._noted.popleft() for _ in range(len(self._noted))]
        for row in self._table:
            yield from [row] * noted.count(row.signal)

    def end(self, can_be_cut: bool = False) -> None:
        """At the end of the process, which none of them shortens. With can_be_cut a quick stop does."""
        for row in self._table:
            default = row.action is Action.REAP or (can_be_cut and row.action is Action.QUIT)
            set_handler(row.signal, DEFAULT if default else ignore)
        self.pipe.close()

    def abandon(self) -> None:
        """In a child: default handlers, and nothing left of the parent's pipe."""
        for number in self.numbers:
            set_handler(number, DEFAULT)
        self.pipe.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted.append(number)


def is_noted(number: int) -> bool:
    """Whether the handler is that of a NotedSignals."""
    return isinstance(getattr(getsignal(number), "__self__", None), NotedSignals)


def ignore(_number: int, _frame: FrameType | None) -> None:
    """A handler for IGNORED_BY_WORKERS, and for others at the end."""


def ignore_for_good() -> None:
    """The last exit handler: the interpreter resets handlers in Python before it destroys the modules. Not
    earlier, since programs inherit it that other exit handlers start."""
    for row in _TABLE:
        if getsignal(row[0]) is ignore:
            set_handler(row[0], IGNORE)
