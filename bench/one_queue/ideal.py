"""The ideal: one queue, first in first out, before servers that take the next request when they are free.

Simulated exactly, without overhead. Used by measure.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def latencies(due: Sequence[float], service: Sequence[float], servers: int) -> list[float]:
    """From the arrival of each request to its end. `due` ascends; all values have the same unit.

    A heap of the times at which the servers become free is the whole state: the next request begins at the
    earliest of them, or when it arrives.
    """
    free_at = [0.0] * servers
    found = []
    for arrival, takes in zip(due, service, strict=True):
        end = max(arrival, free_at[0]) + takes
        heapq.heapreplace(free_at, end)
        found.append(end - arrival)
    return found
