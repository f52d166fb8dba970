"""The result of a run: a cell per server, workload, mode and round, and their summary over the rounds.

Pure: bench/run.py fills the cells, bench/tables.py and plot.py show the summaries.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

OK = "ok"
FAILED = "failed"  # it ran and something was wrong: it has no figure
MISSING = "missing"  # not installed here
NONE = "none"  # not supported (keep-alive, unix sockets, an application)


@dataclass(frozen=True)
class Cell:
    """One measurement, or the reason why there is none. Times in microseconds, CPU per request."""

    server: str
    workload: str
    mode: str
    round: int
    status: str
    reason: str = ""
    requests: int = 0
    per_second: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0
    user: float = 0.0
    system: float = 0.0


@dataclass(frozen=True)
class Range:
    """Median, minimum and maximum of the rounds."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Summary:
    """The rounds of one server in one workload and mode."""

    server: str
    workload: str
    mode: str
    status: str
    reason: str
    cpu: Range
    user: Range
    system: Range
    per_second: Range
    p50: Range
    p99: Range


Key = tuple[str, str, str]


def range_of(values: Sequence[float]) -> Range:
    """Median, minimum and maximum; zeros when there are no values."""
    return Range(statistics.median(values), min(values), max(values)) if values else Range(0.0, 0.0, 0.0)


def key(cell: Cell | Summary) -> Key:
    """The key of a cell: the rounds of one summary share it."""
    return cell.server, cell.workload, cell.mode


def grouped(cells: Iterable[Cell]) -> dict[Key, list[Cell]]:
    """The rounds of each server, workload and mode, in order of appearance."""
    groups: dict[Key, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def summarize(rounds: Sequence[Cell]) -> Summary:
    """One summary of some rounds. If one round is not ok, the summary has no figure."""
    bad = next((cell for cell in rounds if cell.status != OK), None)
    good = [] if bad else rounds
    return Summary(
        *key(rounds[0]),
        status=bad.status if bad else OK,
        reason=bad.reason if bad else "",
        cpu=range_of([cell.cpu for cell in good]),
        user=range_of([cell.user for cell in good]),
        system=range_of([cell.system for cell in good]),
        per_second=range_of([cell.per_second for cell in good]),
        p50=range_of([cell.p50 for cell in good]),
        p99=range_of([cell.p99 for cell in good]),
    )


def summaries(cells: Iterable[Cell]) -> list[Summary]:
    """All summaries."""
    return [summarize(rounds) for rounds in grouped(cells).values()]


def ratios(cells: Iterable[Cell], base: str) -> dict[Key, float]:
    """CPU of each server over that of `base` in the same round, workload and mode; the median of rounds.

    Pairing within a round removes drift from round to round (another tenant, the clock rate).
    """
    good = [cell for cell in cells if cell.status == OK]
    bases = {(cell.workload, cell.mode, cell.round): cell.cpu for cell in good if cell.server == base}
    found = {}
    for where, rounds in grouped(good).items():
        pairs = [(cell.cpu, bases.get((cell.workload, cell.mode, cell.round), 0.0)) for cell in rounds]
        values = [cpu / basis for cpu, basis in pairs if basis > 0]
        if values:
            found[where] = statistics.median(values)
    return found


def to_json(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """For the results file."""
    return [asdict(cell) for cell in cells]


def from_json(values: Iterable[dict[str, Any]]) -> list[Cell]:
    """From the results file."""
    return [Cell(**value) for value in values]
