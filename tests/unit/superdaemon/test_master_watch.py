"""A master that shows no sign of life is made to write its traceback, then killed."""

import logging
from signal import SIGKILL, SIGUSR2

import pytest

from rhebok.process.stillness import limit
from rhebok.superdaemon.generations import Generation, Phase
from rhebok.superdaemon.master_watch import MasterWatch


class Watched:
    """A watch over one generation whose signals are noted."""

    def __init__(self, timeout: float = 30) -> None:
        self.now = 0.0
        self.sent: list[int] = []
        self.watch = MasterWatch(limit(timeout), logging.Logger("masters"))
        self.generation = Generation(1, 4711, Phase.SERVING, signs=1, workers=2)
        self.generation.send = self.sent.append  # type: ignore[method-assign]

    def after(self, seconds: int, signs: bool = False) -> bool:
        """Whether it is to be replaced although it lives, with a look in each second."""
        found = False
        for _ in range(seconds):
            self.now += 1
            self.generation.signs += signs
            found = self.watch.look(self.generation, self.now) or found
        return found


def test_one_that_says_that_it_lives_is_left_alone() -> None:
    watched = Watched()
    assert not watched.after(100, signs=True)
    assert watched.sent == []
    assert watched.watch.serves(watched.generation)


def test_one_that_is_silent_writes_its_traceback_and_is_killed_once() -> None:
    watched = Watched()
    watched.after(30)
    assert watched.sent == []
    assert not watched.watch.serves(watched.generation)
    watched.after(1)
    assert watched.sent == [SIGUSR2]
    watched.after(100)
    assert watched.sent == [SIGUSR2, SIGKILL]


def test_one_that_goes_on_is_replaced() -> None:
    watched = Watched()
    watched.after(31)
    assert watched.after(1, signs=True)
    assert not watched.after(10, signs=True)
    assert watched.sent == [SIGUSR2]
    watched.after(33)
    assert watched.sent == [SIGUSR2, SIGUSR2, SIGKILL]


@pytest.mark.parametrize("workers", [0, 1])
def test_it_serves_with_a_living_worker_only(workers: int) -> None:
    watched = Watched()
    watched.generation.workers = workers
    watched.after(1, signs=True)
    assert watched.watch.serves(watched.generation) is bool(workers)


def test_one_that_never_says_anything_is_left_alone() -> None:
    watched = Watched()
    watched.generation.signs, watched.generation.workers = 0, None
    watched.after(1000)
    assert watched.sent == []
    assert watched.watch.serves(watched.generation)


def test_with_timeout_0_none_is_killed() -> None:
    watched = Watched(timeout=0)
    watched.after(1000)
    assert watched.sent == []


def test_time_in_which_the_supervisor_was_stopped_does_not_count() -> None:
    watched = Watched()
    watched.after(1)
    watched.now += 3600
    watched.after(1)
    assert watched.sent == []
