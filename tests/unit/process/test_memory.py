"""How much memory processes have, for answers that must not take long."""

import os

import pytest

from rhebok.process import memory as module
from rhebok.process.memory import Memory, parent_of, proportional_bytes, resident_bytes

NOBODY = 2**22 + 1  # no pid


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "monotonic", made)
    return made


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pids whose pages were looked at."""
    found: list[int] = []

    def look(pid: int) -> int:
        found.append(pid)
        return len(found)

    monkeypatch.setattr(module, "proportional_bytes", look)
    return found


def test_a_process_has_at_most_all_of_its_pages_for_itself() -> None:
    own, resident = proportional_bytes(os.getpid()), resident_bytes(os.getpid())
    assert resident
    assert own is None or 2**20 < own <= 1.1 * resident
    assert parent_of(os.getpid()) == os.getppid()


def test_of_no_process_nothing_is_known() -> None:
    assert (proportional_bytes(NOBODY), resident_bytes(NOBODY), parent_of(NOBODY)) == (None, None, None)
    assert Memory().of([NOBODY]) == {NOBODY: 0}


def test_for_a_while_nobody_looks_again(clock: Clock, looks: list[int]) -> None:
    memory = Memory(fresh=5)
    assert [memory.of([7])[7] for _ in range(3)] == [1, 1, 1]
    clock.now += 5
    assert memory.of([7]) == {7: 2}
    assert looks == [7, 7]


def test_when_the_time_is_over_what_was_known_is_told(clock: Clock, looks: list[int]) -> None:
    memory = Memory(fresh=5)
    memory.of([7])
    clock.now += 6
    assert memory.bytes_of(7, deadline=clock.now) == 1
    own = memory.bytes_of(os.getpid(), deadline=clock.now)
    assert own == pytest.approx(resident_bytes(os.getpid()), rel=0.1)
    assert looks == [7]


def test_processes_that_nobody_asks_for_are_forgotten(clock: Clock, looks: list[int]) -> None:
    """Workers come and go for months."""
    memory = Memory(fresh=5)
    for pid in range(1000):
        memory.of([pid])
        clock.now += 1
    assert len(memory._looked) <= 51
