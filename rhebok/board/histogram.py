"""Counts of durations by logarithm, as csrc/base/histogram.h makes them. Used by who reads the board."""

from collections.abc import Iterable, Mapping, Sequence

LOW, HIGH, FINE = 13, 40, 4  # as in C
BUCKETS = ((HIGH - LOW) << FINE) + 2

_NS = 1_000_000_000


def upper_end(bucket: int) -> float:
    """The seconds at which the bucket ends; infinity for the last one."""
    if bucket >= BUCKETS - 1:
        return float("inf")
    power, step = divmod(bucket, 1 << FINE)
    return (((1 << FINE) + step) << (LOW + power - FINE)) / _NS


def middle(bucket: int) -> float:
    """The seconds that stand for all durations of the bucket."""
    if bucket == 0:
        return upper_end(0) / 2
    below = upper_end(bucket - 1)
    return below if bucket >= BUCKETS - 1 else (below + upper_end(bucket)) / 2


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The seconds that this share of the durations does not exceed, within 3 %; None without any. counts: by
    bucket."""
    wanted, passed = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= wanted and passed > 0:
            return middle(bucket)
    return None


def cumulative(counts: Mapping[int, int], bounds: Iterable[float]) -> list[tuple[float, int]]:
    """How many durations do not exceed each of these seconds, within 3 %: a bucket counts by its middle."""
    by_middle = [(middle(bucket), count) for bucket, count in counts.items()]
    return [(bound, sum(count for at, count in by_middle if at <= bound)) for bound in bounds]


def sparse(counts: Sequence[int]) -> dict[int, int]:
    """The buckets that are not empty."""
    return {bucket: count for bucket, count in enumerate(counts) if count}


def difference(now: Mapping[int, int], before: Mapping[int, int]) -> dict[int, int]:
    """What has been counted between two readings."""
    found = {bucket: count - before.get(bucket, 0) for bucket, count in now.items()}
    return {bucket: count for bucket, count in found.items() if count > 0}


def total(all_counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Those of several threads or workers together."""
    found: dict[int, int] = {}
    for counts in all_counts:
        for bucket, count in counts.items():
            found[bucket] = found.get(bucket, 0) + count
    return found
