"""What each signal does, as tables by priority, and the flags that handlers set. Used by prefork and worker.

A handler only notes its signal; set_wakeup_fd makes a pipe readable, so that a loop in poll(2) comes to look.
The supervisor uses them too. docs/SIGNALS.md says the same for people.
"""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from signal import Signals
from types import FrameType
from typing import Any, NamedTuple


class Action(Enum):
    """What the engine does on a signal."""

    REAP = auto()
    QUIT = auto()
    STOP = auto()
    RECYCLE = auto()
    RETIRE = auto()
    DEPLOY = auto()
    DEPLOY_GRADUALLY = auto()
    PASS_ON = auto()
    MORE = auto()
    FEWER = auto()
    NONE = auto()


class Row(NamedTuple):
    signal: Signals
    action: Action


# The first is looked at first: who is dead is known before anything is decided.
MASTER_SIGNALS: tuple[Row, ...] = (
    Row(Signals.SIGCHLD, Action.REAP),
    Row(Signals.SIGINT, Action.QUIT),
    Row(Signals.SIGQUIT, Action.QUIT),
    Row(Signals.SIGTERM, Action.STOP),
    Row(Signals.SIGHUP, Action.RECYCLE),
    Row(Signals.SIGTTIN, Action.MORE),
    Row(Signals.SIGTTOU, Action.FEWER),
    # Caught all the same: by default they would end a server whose logrotate script came from another one.
    Row(Signals.SIGUSR1, Action.RETIRE),
    Row(Signals.SIGUSR2, Action.NONE),
)

SUPERVISOR_SIGNALS: tuple[Row, ...] = (
    Row(Signals.SIGCHLD, Action.REAP),
    Row(Signals.SIGINT, Action.QUIT),
    Row(Signals.SIGQUIT, Action.QUIT),
    Row(Signals.SIGTERM, Action.STOP),
    Row(Signals.SIGHUP, Action.DEPLOY),
    Row(Signals.SIGUSR1, Action.DEPLOY_GRADUALLY),
    Row(Signals.SIGTTIN, Action.PASS_ON),
    Row(Signals.SIGTTOU, Action.PASS_ON),
    Row(Signals.SIGUSR2, Action.NONE),
)

# What the engine sends to its children.
STOP_SIGNAL = Signals.SIGTERM
QUIT_SIGNAL = Signals.SIGQUIT
TRACEBACK_SIGNAL = (
    Signals.SIGUSR2
)  # "show where you are", to a worker or to a generation that does not get ready

# A terminal or `kill -- -PGID` sends these to workers as well; the master alone answers them. They get a
# handler that does nothing, not SIG_IGN, which programs started by the application would inherit.
IGNORED_BY_WORKERS = (
    Signals.SIGINT,
    Signals.SIGHUP,
    Signals.SIGUSR1,
    Signals.SIGTTIN,
    Signals.SIGTTOU,
)


class WakeupPipe:
    """Becomes readable when a signal came in. Both ends are non-blocking and close on exec."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)

    def drain(self) -> None:
        try:
            while os.read(self.read_end, 4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self.read_end)
        os.close(self._write_end)


class NotedSignals:
    """Handlers for the signals of a table; `take` gives what came in since, by priority."""

    def __init__(self, table: Iterable[Row]) -> None:
        self._table = tuple(table)
        self._noted: deque[int] = deque()
        self._previous: dict[int, Any] = {}
        self.pipe = WakeupPipe()
        for row in self._table:
            self._previous[row.signal] = signal.signal(row.signal, self._note)

    @property
    def signals(self) -> frozenset[Signals]:
        return frozenset(row.signal for row in self._table)

    @property
    def pending(self) -> bool:
        return bool(self._noted)

    def take(self) -> Iterator[Row]:
        """Each signal as often as it was noted."""
        noted = [self._noted.popleft() for _ in range(len(self._noted))]
        for row in self._table:
            yield from [row] * noted.count(row.signal)

    def restore(self) -> None:
        """Puts the former handlers back: at the end."""
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self.pipe.close()

    def abandon(self) -> None:
        """In a child: default handlers, and nothing left of the parent's pipe."""
        for row in self._table:
            signal.signal(row.signal, signal.SIG_DFL)
        self.pipe.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted.append(number)


def ignore(_number: int, _frame: FrameType | None) -> None:
    """A handler for IGNORED_BY_WORKERS."""
