"""Which states and causes the master writes on the board."""

import os
import struct
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from rhebok.board.reading import LEAVING, READY, STARTING, BoardReader
from rhebok.prefork.callbacks import Verdict
from rhebok.serving.scoreboard import Scoreboard
from rhebok.serving.worker_states import WorkerStates

PID = 4711


class Master:
    def __init__(self, max_requests: int = 0) -> None:
        self.board = Scoreboard(1, 4)
        assert self.board.fd is not None
        self.reader = BoardReader(os.dup(self.board.fd))
        self.states = WorkerStates(SimpleNamespace(max_requests=max_requests), self.board)  # type: ignore[arg-type]
        self.slot = self.board.claim_slot()
        self.states.forked(PID, self.slot)

    def state(self) -> int:
        (worker,) = self.reader.read().workers
        return worker.state

    def ends(self, status: int) -> dict[str, int]:
        """The causes that are counted once the worker has ended with this status."""
        self.states.reaped(PID, status)
        self.board.release_slot(self.slot)
        return {cause: number for cause, number in self.reader.read().causes.items() if number}


@pytest.fixture
def master() -> Iterator[Master]:
    made = Master()
    yield made
    made.reader.close()


def test_a_worker_starts_and_is_ready(master: Master) -> None:
    assert master.state() == STARTING
    master.states.ready(PID)
    assert master.state() == READY


@pytest.mark.parametrize(
    ("causes", "counted"),
    [({PID: "memory"}, {"memory": 1}), ({PID: "timeout"}, {"timeout": 1}), ({}, {"held": 1})],
)
def test_the_cause_of_a_verdict_is_counted(
    master: Master, causes: dict[int, str], counted: dict[str, int]
) -> None:
    master.states.leaving({PID: Verdict.STOP}, causes)
    assert master.state() == LEAVING
    assert master.ends(-9) == counted


@pytest.mark.parametrize(("status", "counted"), [(-9, {"killed": 1}), (3, {"failed": 1}), (0, {})])
def test_an_end_that_nobody_has_asked_for_is_counted(
    master: Master, status: int, counted: dict[str, int]
) -> None:
    assert master.ends(status) == counted


def test_a_worker_that_has_served_enough_is_counted() -> None:
    master = Master(max_requests=5)
    struct.pack_into("=Q", master.board.view(master.slot), 8, 5)
    assert master.ends(0) == {"max-requests": 1}


def test_all_workers_may_be_recycled(master: Master) -> None:
    master.states.recycled()
    assert master.state() == LEAVING
    assert master.ends(0) == {"recycled": 1}


def test_when_the_generation_stops_nothing_is_replaced(master: Master) -> None:
    master.states.generation_stops()
    assert master.ends(-9) == {}
