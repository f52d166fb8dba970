"""Which workers are held or do not get ready, and the master's own sign of life.

Used by master.

An idle worker looks at its event loop every second, and notes that in its score. One that does not, although
a thread has no request, is held: by a thread in C that keeps the interpreter's lock, by a signal handler of
the application. With several threads the main one notes that it runs, too. So a worker is noticed that a
request in C holds. How long a request may take is judged by watch alone.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

from rhebok.native import thread_stacks
from rhebok.prefork.callbacks import Verdict
from rhebok.process.stillness import Stillness, limit, step
from rhebok.records import TYPE_CHECKING, dataclass, field
from rhebok.serving.scoreboard import Score, Scoreboard, describe_requests
from rhebok.serving.worker_tracebacks import ask_for_traceback
from rhebok.superdaemon.notify import Notifier

if TYPE_CHECKING:
    from rhebok.settings.table import Settings

ALIVE_SECONDS = 10.0  # since its last sign of life a worker counts as alive, in what the supervisor is told
_HELD = "has been held%s for %.0f s (--timeout): does a thread in C keep the interpreter's lock?%s"


@dataclass
class _Watched:
    """A worker."""

    slot: int
    ready: bool = False
    still: Stillness = field(default_factory=Stillness)  # of the threads that serve
    main: Stillness = field(default_factory=Stillness)  # of the main thread, if it serves no requests
    steps: int = 0  # that were taken against it since it is held or late, one in each look
    alive: bool = False


class LifeWatch:
    """The workers of a master. Times are those of `clock`, in seconds."""

    def __init__(
        self,
        settings: Settings,
        scoreboard: Scoreboard,
        notifier: Notifier,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        ask: Callable[[int], None] = ask_for_traceback,
    ) -> None:
        self._limit = limit(settings.timeout)
        self._start_limit = settings.start_timeout or math.inf
        self._step = step(self._limit)
        self._scoreboard = scoreboard
        self._notifier = notifier
        self._log = log
        self._clock = clock
        self._ask = ask
        self._workers: dict[int, _Watched] = {}
        self._next_at = 0.0

    def forked(self, pid: int, slot: int) -> None:
        """A worker was forked, and has this slot of the scoreboard."""
        self._workers[pid] = _Watched(slot)

    def ready(self, pid: int) -> None:
        """A worker serves."""
        watched = self._workers[pid]
        if watched.steps:
            self._log.warning("worker %d got ready all the same: it stays", pid)
        watched.ready, watched.steps, watched.still = True, 0, Stillness()

    def reaped(self, pid: int) -> None:
        """A worker has ended."""
        self._workers.pop(pid, None)

    def next_at(self) -> float:
        """When to call verdicts()."""
        return self._next_at

    def verdicts(self) -> dict[int, Verdict]:
        """The workers to end, by pid. Tells the supervisor that this master and so many workers live."""
        now = self._clock()
        if now < self._next_at:
            return {}
        self._next_at = now + self._step
        found = {pid: self._verdict(pid, watched, now) for pid, watched in self._workers.items()}
        self._notifier.lives(sum(watched.alive for watched in self._workers.values()))
        return {pid: verdict for pid, verdict in found.items() if verdict}

    def _verdict(self, pid: int, watched: _Watched, now: float) -> Verdict | None:
        scores = self._scoreboard.read(watched.slot)
        seconds = self._still(watched, scores, now)
        watched.alive = _serves(scores) and seconds < ALIVE_SECONDS
        if not watched.ready:
            is_late = watched.still.seconds >= self._start_limit
            return self._act(pid, watched, self._not_ready()) if is_late else None
        if not _serves(scores) or seconds < self._limit:
            was_held, watched.steps = watched.steps > 0, 0
            return self._goes_on(pid) if was_held else None
        return self._act(pid, watched, _held(scores, seconds))

    def _still(self, watched: _Watched, scores: Sequence[Score], now: float) -> float:
        """The seconds without a sign of life; 0 while none is due, since all threads have requests."""
        signs = [(each.alive, each.requests, each.busy) for each in scores]
        main_alive = self._scoreboard.read_worker(watched.slot).main_alive
        of_loop = watched.still.look(signs, now, self._step)
        of_main = watched.main.look(main_alive, now, self._step)
        return max(of_loop if _looks_at_loop(scores) else 0, of_main if main_alive else 0)

    def _not_ready(self) -> str:
        return f"was not ready within {self._start_limit:g} s (--start-timeout)"

    def _act(self, pid: int, watched: _Watched, what: str) -> Verdict | None:
        """One step in each look: what the worker writes is not mixed, and is written before its end."""
        watched.steps += 1
        if watched.steps == 1:
            self._log.error("worker %d %s; this is where its threads are:", pid, what)
            self._ask(pid)
        elif watched.steps == 2:
            thread_stacks.ask(pid)
        elif watched.steps == 3:
            state = "held: killed and replaced" if watched.ready else "not ready: killed"
            self._log.error("worker %d is still %s", pid, state)
            return Verdict.KILL
        return None

    def _goes_on(self, pid: int) -> Verdict:
        self._log.warning("worker %d goes on; it is replaced all the same", pid)
        return Verdict.REPLACE


def _held(scores: Sequence[Score], seconds: float) -> str:
    if any(score.busy for score in scores):
        return _HELD % ("", seconds, f" It serves {describe_requests(scores)}")
    return _HELD % (" outside of any request", seconds, "")


def _serves(scores: Sequence[Score]) -> bool:
    """Whether it is in its event loop: not loading, and not ending."""
    return any(score.alive for score in scores)


def _looks_at_loop(scores: Sequence[Score]) -> bool:
    """Whether a thread has no request: then one of these is in the loop."""
    return any(score.alive and not score.busy for score in scores)
