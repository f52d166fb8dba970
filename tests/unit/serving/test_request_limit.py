"""Rhebok's formula for the request limit, with gunicorn's jitter."""

from random import Random

import pytest

from rhebok.serving.request_limit import request_limit


def limits(*arguments: int) -> set[int]:
    random = Random(1)
    return {request_limit(*arguments, random) for _ in range(2000)}


@pytest.mark.parametrize(
    ("most", "least", "jitter", "expected"),
    [
        (0, 0, 0, {0}),
        (0, 5, 5, {0}),
        (10, 0, 0, {10}),
        (10, 10, 0, {10}),
        (10, 11, 0, {10}),
        (10, 7, 0, {7, 8, 9, 10}),
        (10, 9, 0, {9, 10}),
        (10, 0, 3, {10, 11, 12, 13}),
        (10, 9, 1, {9, 10, 11}),
    ],
)
def test_the_limits_that_workers_get(most, least, jitter, expected):
    assert limits(most, least, jitter) == expected


def test_limits_are_uniform_between_least_and_most():
    random = Random(2)
    counts = [0] * 5
    for _ in range(10_000):
        counts[request_limit(104, 100, 0, random) - 100] += 1
    assert all(1800 < count < 2200 for count in counts)
