"""Which workers are to go, and why: a request that takes too long, memory, age. Used by master.

Looks at the scoreboard and at /proc from outside, so a worker that hangs need not do anything to be found.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from rhebok.prefork import Verdict
from rhebok.scoreboard import Score, Scoreboard
from rhebok.settings import Settings
from rhebok.signals import TRACEBACK_SIGNAL

MEMORY_INTERVAL = 2.0  # seconds between two looks at the memory
LAST_CHANCE = 2.0  # for the application to be interrupted, before its worker is killed

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class _Watched:
    slot: int
    expires_at: float
    late_request: int = 0  # the number of the request that was found late
    kill_at: float = math.inf  # of the worker that is at it still
    replaced: bool = False


class WorkerWatch:
    def __init__(
        self,
        settings: Settings,
        scoreboard: Scoreboard,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._scoreboard = scoreboard
        self._log = log
        self._clock = clock
        self._workers: dict[int, _Watched] = {}
        self._memory_at = 0.0

    def forked(self, pid: int, slot: int) -> None:
        self._workers[pid] = _Watched(slot, self._expiry())

    def reaped(self, pid: int) -> None:
        watched = self._workers.pop(pid, None)
        if watched:
            self._scoreboard.release(watched.slot)

    def doing(self, pid: int) -> str:
        """What the worker is at, or was when it died."""
        watched = self._workers.get(pid)
        return self._scoreboard.read(watched.slot).doing if watched else ""

    def verdicts(self) -> dict[int, Verdict]:
        """The workers that are to go, each as often as it has not gone."""
        now = self._clock()
        found: dict[int, Verdict] = {}
        look_at_memory = self._settings.max_worker_memory > 0 and now >= self._memory_at
        if look_at_memory:
            self._memory_at = now + MEMORY_INTERVAL
        for pid, watched in self._workers.items():
            verdict = self._late(pid, watched, now) or self._worn(pid, watched, now, look_at_memory)
            if verdict:
                found[pid] = verdict
        return found

    def next_at(self) -> float:
        """When the next verdict may be due. A worker that is idle now has its whole time before it."""
        moments = [watched.expires_at for watched in self._workers.values() if not watched.replaced]
        if self._settings.max_worker_memory and self._workers:
            moments.append(self._memory_at)
        if self._settings.timeout and self._workers:
            moments.append(self._clock() + self._settings.timeout)
            moments += [self._late_at(watched) for watched in self._workers.values()]
        return min(moments, default=math.inf)

    # Requests

    def _late_at(self, watched: _Watched) -> float:
        score = self._scoreboard.read(watched.slot)
        if score.deadline is None:
            return math.inf
        return watched.kill_at if score.requests == watched.late_request else score.deadline

    def _late(self, pid: int, watched: _Watched, now: float) -> Verdict | None:
        score = self._scoreboard.read(watched.slot)
        if score.deadline is None or now < score.deadline:
            return None
        if score.requests != watched.late_request:
            self._interrupt(pid, watched, score, now)
            return Verdict.ABANDON
        if now >= watched.kill_at:
            watched.kill_at = math.inf
            self._log.error("worker %d cannot be interrupted: killed, serving %s", pid, score.line)
            return Verdict.KILL
        return None

    def _interrupt(self, pid: int, watched: _Watched, score: Score, now: float) -> None:
        watched.late_request, watched.kill_at = score.requests, now + LAST_CHANCE
        limit = self._settings.timeout
        text = "worker %d has not answered %s within %g s; this is where it is:"
        self._log.error(text, pid, score.line, limit)
        with suppress(ProcessLookupError):
            os.kill(pid, TRACEBACK_SIGNAL)

    # Memory and age

    def _worn(self, pid: int, watched: _Watched, now: float, look_at_memory: bool) -> Verdict | None:
        reason = ""
        if watched.replaced:
            return None
        if now >= watched.expires_at:
            reason = "has reached --max-worker-lifetime"
        elif look_at_memory and (size := resident_bytes(pid)) > self._settings.max_worker_memory:
            reason = f"has grown to {size >> 20} MiB"
        if not reason:
            return None
        watched.replaced = True
        self._log.info("worker %d %s: replacing it", pid, reason)
        return Verdict.REPLACE

    def _expiry(self) -> float:
        lifetime, jitter = self._settings.max_worker_lifetime, self._settings.max_worker_lifetime_jitter
        return self._clock() + lifetime + SystemRandom().uniform(0, jitter) if lifetime else math.inf


def resident_bytes(pid: int) -> int:
    """What the process holds in memory, shared pages included; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
