"""Percentiles, and the curve of a distribution whose tail gets as much room as its middle. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

SHOWN = (50.0, 95.0, 99.0, 99.9)

# A curve has its points at equal distances of -log10(1 - share): 1 is 90 %, 2 is 99 %, 3 is 99.9 %.
POINTS_PER_NINE = 12
NINES = tuple(number / POINTS_PER_NINE for number in range(3, 3 * POINTS_PER_NINE + 1))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest rank: the least value that `percent` of all values do not exceed. 0 without values."""
    if not ordered:
        return 0.0
    # Rounded first: 99.9 / 100 * 1000 is more than 999 in floating point.
    rank = math.ceil(round(percent / 100 * len(ordered), 6))
    return ordered[max(rank, 1) - 1]


def percent_of(nines: float) -> float:
    """90 for 1, 99 for 2."""
    return 100 * (1 - math.pow(10, -nines))


def nines_of(percent: float) -> float:
    """The place of a percentile on the axis of a curve."""
    return -math.log10(1 - percent / 100)


def curve(ordered: Sequence[float]) -> list[float]:
    """The value at each of NINES."""
    return [percentile(ordered, percent_of(nines)) for nines in NINES]
