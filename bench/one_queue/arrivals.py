"""The requests of an open loop: when each is due, and how long the application sleeps for it.

Pure, and determined by the seed: every server and the ideal queue get the same requests. Used by measure.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

WORKERS = 4
FAST_MS, SLOW_MS, SLOW_SHARE = 1, 500, 0.01
MEAN_SECONDS = (FAST_MS * (1 - SLOW_SHARE) + SLOW_MS * SLOW_SHARE) / 1000


@dataclass(frozen=True)
class Arrivals:
    """due: seconds from the start, ascending. sleep_ms: what each asks the application to sleep."""

    due: list[float]
    sleep_ms: list[int]


def rate(load: float) -> float:
    """Requests per second that keep the workers busy for that share of the time, 0 to 1."""
    return load * WORKERS / MEAN_SECONDS


def poisson(seed: int, load: float, seconds: float) -> Arrivals:
    """Arrivals without memory. Exactly one in a hundred is slow: otherwise the load would vary with them."""
    dice, per_second = random.Random(seed), rate(load)
    due = []
    at = dice.expovariate(per_second)
    while at < seconds:
        due.append(at)
        at += dice.expovariate(per_second)
    slow = set(dice.sample(range(len(due)), round(len(due) * SLOW_SHARE)))
    return Arrivals(due, [SLOW_MS if number in slow else FAST_MS for number in range(len(due))])
