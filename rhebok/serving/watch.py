"""Which workers to stop, and why: a request that takes too long, memory, age. Used by master.

It reads the scoreboard and /proc, so a worker that hangs is found without its help.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable

from rhebok.prefork.callbacks import Verdict
from rhebok.records import TYPE_CHECKING, dataclass, field
from rhebok.serving.scoreboard import Score, Scoreboard, describe_requests
from rhebok.serving.time_limit import time_limit
from rhebok.serving.worker_tracebacks import ask_for_traceback

if TYPE_CHECKING:
    from rhebok.settings.table import Settings

MEMORY_INTERVAL = 2.0  # seconds between two checks of the memory
INTERRUPT_SECONDS = 2.0  # from the interruption of a late request to the kill of its worker

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class _LateRequest:
    """A request that is late and was interrupted."""

    number: int  # counted by its thread
    deadline: float  # another one: it has made progress since
    kill_at: float  # when to kill the worker if the request still runs


@dataclass
class _Watched:
    """A worker."""

    slot: int
    expires_at: float
    late: dict[int, _LateRequest] = field(default_factory=dict)  # by thread
    replaced: bool = False


class WorkerWatch:
    """The workers of a master. Times are those of `clock`, in seconds."""

    def __init__(
        self,
        settings: Settings,
        scoreboard: Scoreboard,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        ask: Callable[[int], None] = ask_for_traceback,
    ) -> None:
        self._settings = settings
        self._limit = time_limit(settings)
        self._scoreboard = scoreboard
        self._log = log
        self._clock = clock
        self._ask = ask
        self._workers: dict[int, _Watched] = {}
        self._memory_at = 0.0
        self.causes: dict[int, str] = {}  # of the verdicts so far, by pid, in words of board/layout.py

    def forked(self, pid: int, slot: int) -> None:
        """A worker was forked, and has this slot of the scoreboard."""
        self._workers[pid] = _Watched(slot, self._expiry())

    def reaped(self, pid: int) -> None:
        """A worker has ended: its slot is free."""
        self.causes.pop(pid, None)
        watched = self._workers.pop(pid, None)
        if watched:
            self._scoreboard.release_slot(watched.slot)

    def current_requests(self, pid: int) -> str:
        """The requests that the worker serves, or served when it died; "" when there are none."""
        watched = self._workers.get(pid)
        return describe_requests(self._scoreboard.read(watched.slot)) if watched else ""

    def verdicts(self) -> dict[int, Verdict]:
        """The workers to stop, by pid. Late requests are interrupted here."""
        now = self._clock()
        found: dict[int, Verdict] = {}
        check_memory = self._settings.max_worker_memory > 0 and now >= self._memory_at
        if check_memory:
            self._memory_at = now + MEMORY_INTERVAL
        for pid, watched in self._workers.items():
            verdict = self._late(pid, watched, now) or self._outworn(pid, watched, now, check_memory)
            if verdict:
                found[pid] = verdict
        return found

    def next_at(self) -> float:
        """When the next verdict is possible. A request that starts now has all of its time."""
        moments = [watched.expires_at for watched in self._workers.values() if not watched.replaced]
        if self._settings.max_worker_memory and self._workers:
            moments.append(self._memory_at)
        if self._limit.seconds and self._workers:
            moments.append(self._clock() + self._limit.seconds)
            moments += [self._late_at(watched) for watched in self._workers.values()]
        return min(moments, default=math.inf)

    # Requests

    def _late_at(self, watched: _Watched) -> float:
        """When the next of its requests becomes late, or the worker may be killed for it."""
        moments = [math.inf]
        for thread, score in enumerate(self._scoreboard.read(watched.slot)):
            late = watched.late.get(thread)
            if score.deadline is not None:
                moments.append(late.kill_at if late and _is_same(late, score) else score.deadline)
        return min(moments)

    def _late(self, pid: int, watched: _Watched, now: float) -> Verdict | None:
        verdicts = [
            self._late_thread(pid, watched, thread, score, now)
            for thread, score in enumerate(self._scoreboard.read(watched.slot))
            if score.deadline is not None and now >= score.deadline
        ]
        return next(filter(None, verdicts), None)

    def _late_thread(
        self, pid: int, watched: _Watched, thread: int, score: Score, now: float
    ) -> Verdict | None:
        late = watched.late.get(thread)
        if late is None or not _is_same(late, score):
            assert score.deadline is not None
            watched.late[thread] = _LateRequest(score.requests, score.deadline, self._kill_at(now))
            self._interrupt(pid, score)
            self.causes.setdefault(pid, "timeout")
            return Verdict.STOP
        if now < late.kill_at:
            return None
        late.kill_at = math.inf
        self._log.error("worker %d cannot be interrupted: killed, serving %s", pid, score.line)
        return Verdict.KILL

    def _kill_at(self, now: float) -> float:
        """Never, when there are other threads: their requests have the graceful timeout to finish."""
        return now + INTERRUPT_SECONDS if self._settings.threads == 1 else math.inf

    def _interrupt(self, pid: int, score: Score) -> None:
        text = "worker %d has not answered %s within %s; this is where it is:"
        self._log.error(text, pid, score.line, self._limit)
        self._ask(pid)

    # Memory and age

    def _outworn(self, pid: int, watched: _Watched, now: float, check_memory: bool) -> Verdict | None:
        reason = cause = ""
        if watched.replaced:
            return None
        if now >= watched.expires_at:
            cause, reason = "lifetime", "has reached --max-worker-lifetime"
        elif check_memory and (size := resident_bytes(pid)) > self._settings.max_worker_memory:
            cause, reason = "memory", f"has grown to {size >> 20} MiB"
        if not reason:
            return None
        watched.replaced = True
        self.causes[pid] = cause
        self._log.info("worker %d %s: replacing it", pid, reason)
        return Verdict.REPLACE

    def _expiry(self) -> float:
        lifetime, jitter = self._settings.max_worker_lifetime, self._settings.max_worker_lifetime_jitter
        if not lifetime:
            return math.inf
        from random import SystemRandom

        return self._clock() + lifetime + SystemRandom().uniform(0, jitter)


def _is_same(late: _LateRequest, score: Score) -> bool:
    return (late.number, late.deadline) == (score.requests, score.deadline)


def resident_bytes(pid: int) -> int:
    """The resident memory of a process in bytes, shared pages included; 0 when it does not exist."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
