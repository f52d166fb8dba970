"""The cache of a generation, as its master has it."""

import os
from collections.abc import Iterator

import pytest

from rhebok.serving.cache import SharedCache
from rhebok.serving.scoreboard import Scoreboard


@pytest.fixture
def cache() -> Iterator[SharedCache]:
    made = SharedCache(2**20, Scoreboard(1, capacity=2), workers=2)
    yield made
    made.close()


def woken(cache: SharedCache) -> list[bool]:
    """For each loop, whether it was woken since the last call."""
    found = []
    for descriptor in cache.wake:
        try:
            found.append(os.eventfd_read(descriptor) > 0)
        except BlockingIOError:
            found.append(False)
    return found


def test_all_loops_look_again_when_a_worker_has_ended(cache: SharedCache) -> None:
    """It may have been killed when its claim had ended and nobody was woken yet."""
    cache.forked(4711, 0)
    assert not any(woken(cache))
    cache.reaped(4711)
    assert all(woken(cache))


def test_a_process_that_is_no_worker_wakes_nobody(cache: SharedCache) -> None:
    cache.reaped(4711)
    assert not any(woken(cache))
