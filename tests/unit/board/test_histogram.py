"""The histograms of the board as Python reads them; tests/c/base/test_histogram.c is about the buckets."""

import pytest

from rhebok.board.histogram import (
    BUCKETS,
    cumulative,
    difference,
    middle,
    percentile,
    sparse,
    total,
    upper_end,
)


def bucket_of(seconds: float) -> int:
    return next(bucket for bucket in range(BUCKETS) if seconds < upper_end(bucket))


@pytest.mark.parametrize(
    ("bucket", "end"), [(0, 8192e-9), (1, 8704e-9), (16, 2**14 / 1e9), (BUCKETS - 2, 2**40 / 1e9)]
)
def test_the_ends_of_buckets_are_those_of_c(bucket: int, end: float) -> None:
    assert upper_end(bucket) == pytest.approx(end)


def test_the_last_bucket_has_no_end() -> None:
    assert upper_end(BUCKETS - 1) == float("inf")
    assert middle(BUCKETS - 1) == pytest.approx(2**40 / 1e9)


@pytest.mark.parametrize("seconds", [0.00001, 0.000123, 0.0047, 0.25, 3.3, 59.0, 800.0])
def test_the_middle_of_a_bucket_is_within_three_percent(seconds: float) -> None:
    assert middle(bucket_of(seconds)) == pytest.approx(seconds, rel=0.032)


def test_a_percentile_is_that_of_the_durations() -> None:
    counts: dict[int, int] = {}
    for number in range(1, 1001):
        bucket = bucket_of(number / 1000)
        counts[bucket] = counts.get(bucket, 0) + 1
    assert percentile(counts, 0.5) == pytest.approx(0.5, rel=0.035)
    assert percentile(counts, 0.99) == pytest.approx(0.99, rel=0.035)
    assert percentile({}, 0.5) is None
    assert percentile({7: 1}, 0.0) == middle(7)


def test_counts_are_added_and_subtracted() -> None:
    assert sparse([0, 3, 0, 1]) == {1: 3, 3: 1}
    assert total([{1: 3}, {1: 1, 2: 5}]) == {1: 4, 2: 5}
    assert difference({1: 4, 2: 5}, {1: 4, 2: 1}) == {2: 4}


def test_counts_up_to_a_bound_are_right_within_the_resolution() -> None:
    counts = {bucket_of(seconds): 1 for seconds in (0.0009, 0.0105, 0.3, 2000.0)}
    assert cumulative(counts, (0.001, 0.01, 0.1, 1.0, 60.0)) == [
        (0.001, 1), (0.01, 1), (0.1, 2), (1.0, 3), (60.0, 3),
    ]  # fmt: skip
    assert cumulative({}, (1.0,)) == [(1.0, 0)]
