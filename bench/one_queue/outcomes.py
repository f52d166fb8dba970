"""The results of a run: one for each site and round, and their medians over the rounds.

Pure: measure.py fills them, tables.py and picture.py show them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from bench.cells import OK
from bench.one_queue.arrivals import FAST_MS, Arrivals
from bench.one_queue.percentiles import SHOWN, curve, percentile

IDEAL = "ideal"
TIMES_IDEAL, PLUS_MS = 1.2, 5.0


@dataclass(frozen=True)
class Latency:
    """One round of the open loop. Latencies in milliseconds, at the percentiles of SHOWN."""

    site: str
    connections: int  # 0 for the ideal queue, which has none
    load: int  # percent
    round: int
    status: str = OK
    reason: str = ""
    requests: int = 0
    waited: int = 0  # found no free connection when they were due
    fast: list[float] = field(default_factory=list)
    every: list[float] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)  # of the fast ones, at percentiles.NINES

    @property
    def group(self) -> tuple[str, int, int]:
        """What the rounds have in common."""
        return self.site, self.connections, self.load


@dataclass(frozen=True)
class Joiners:
    """One round of the clients that joined slowly."""

    site: str
    round: int
    status: str = OK
    reason: str = ""
    share: float = 0.0  # of the requests per second that the workers can answer
    per_second: float = 0.0

    @property
    def group(self) -> str:
        """What the rounds have in common."""
        return self.site


@dataclass(frozen=True)
class Balance:
    """One round of one way of joining."""

    site: str
    connections: int
    way: str
    round: int
    status: str = OK
    reason: str = ""
    fullest: float = 0.0  # connections of the fullest worker over the mean

    @property
    def group(self) -> tuple[str, int, str]:
        """What the rounds have in common."""
        return self.site, self.connections, self.way


@dataclass
class Outcomes:
    """All of a run."""

    latencies: list[Latency] = field(default_factory=list)
    joiners: list[Joiners] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)

    @property
    def all(self) -> list[Latency | Joiners | Balance]:
        """In one list."""
        return [*self.latencies, *self.joiners, *self.balances]


def with_latencies(empty: Latency, arrivals: Arrivals, seconds: Sequence[float], waited: int) -> Latency:
    """The percentiles of a round."""
    pairs = zip(seconds, arrivals.sleep_ms, strict=True)
    fast = sorted(round(1000 * took, 3) for took, sleep_ms in pairs if sleep_ms == FAST_MS)
    every = sorted(round(1000 * took, 3) for took in seconds)
    return Latency(
        *empty.group,
        empty.round,
        requests=len(every),
        waited=waited,
        fast=[percentile(fast, percent) for percent in SHOWN],
        every=[percentile(every, percent) for percent in SHOWN],
        curve=curve(fast),
    )


# ---- over the rounds ----

One = TypeVar("One", Latency, Joiners, Balance)


def grouped(found: Iterable[One]) -> dict[Any, list[One]]:
    """The rounds of each group, in order of appearance."""
    groups: dict[Any, list[One]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    return groups


def fault(rounds: Sequence[Latency | Joiners | Balance]) -> Latency | Joiners | Balance | None:
    """The first round that is not ok: then the group has no figure."""
    return next((one for one in rounds if one.status != OK), None)


def medians(rows: Iterable[Sequence[float]]) -> list[float]:
    """The median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def times_the_limit(rounds: Sequence[Latency], ideals: Sequence[Latency], percent: float) -> float:
    """A percentile of the fast over 1.2 times the ideal's and 5 ms: the median of the rounds. 1 is wanted."""
    place = SHOWN.index(percent)
    ideal = {one.round: one.fast[place] for one in ideals}
    return statistics.median(
        one.fast[place] / (TIMES_IDEAL * ideal[one.round] + PLUS_MS) for one in rounds if one.round in ideal
    )


def median_of(rounds: Sequence[One], value: Callable[[One], float]) -> float:
    """The median of one figure."""
    return statistics.median(map(value, rounds))


# ---- the results file ----


def to_json(found: Outcomes) -> dict[str, Any]:
    """For the results file."""
    return {"queue": asdict(found)}


def from_json(result: dict[str, Any]) -> Outcomes:
    """From the results file."""
    queue = result["queue"]
    return Outcomes(
        [Latency(**one) for one in queue["latencies"]],
        [Joiners(**one) for one in queue["joiners"]],
        [Balance(**one) for one in queue["balances"]],
    )
