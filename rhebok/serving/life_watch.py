"""Which workers are held outside of any request or do not get ready, and the master's own sign of life.

Used by master.

An idle worker looks at its event loop every second, and notes that in its score. One that does not, although
no request is with the application, is held: by a thread in C that keeps the interpreter's lock, by a signal
handler of the application. What happens inside a request is judged by --timeout alone.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rhebok.native import thread_stacks
from rhebok.prefork.engine import Verdict
from rhebok.process.stillness import Stillness, limit, step
from rhebok.serving.scoreboard import Score, Scoreboard
from rhebok.serving.worker_tracebacks import ask_for_traceback
from rhebok.settings.table import Settings
from rhebok.superdaemon.notify import Notifier

ALIVE_SECONDS = 10.0  # since its last sign of life a worker counts as alive, in what the supervisor is told
_HELD = (
    "has been held outside of any request for %.0f s (by a thread in C that keeps the interpreter's lock?)"
)


@dataclass
class _Watched:
    """A worker."""

    slot: int
    ready: bool = False
    still: Stillness = field(default_factory=Stillness)
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
        seconds = watched.still.look(
            [(each.alive, each.requests, each.busy) for each in scores], now, self._step
        )
        watched.alive = _serves(scores) and (_is_busy(scores) or seconds < ALIVE_SECONDS)
        if not watched.ready:
            return self._act(pid, watched, self._not_ready()) if seconds >= self._start_limit else None
        if not _serves(scores) or _is_busy(scores) or seconds < self._limit:
            was_held, watched.steps = watched.steps > 0, 0
            return self._goes_on(pid) if was_held else None
        return self._act(pid, watched, _HELD % seconds)

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


def _serves(scores: Sequence[Score]) -> bool:
    """Whether it is in its event loop: not loading, and not ending."""
    return any(score.alive for score in scores)


def _is_busy(scores: Sequence[Score]) -> bool:
    return any(score.busy for score in scores)
