"""What the supervisor tells its metrics process, and which boards it keeps for that."""

import marshal
import os
from collections.abc import Callable
from typing import Any, cast

import pytest

from rhebok.serving.scoreboard import Scoreboard
from rhebok.superdaemon.desk import MEASURES, Desk
from rhebok.superdaemon.engine import Engine, LeveledLog
from rhebok.superdaemon.exporter import Exporter
from rhebok.superdaemon.generations import Generation, Generations, Phase
from rhebok.superdaemon.notify import BOARD


class FakeExporter:
    answer: Callable[[bytes], bytes]

    def answers(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer

    def look(self) -> None: ...

    def ask(self, question: bytes) -> dict[str, Any]:
        return cast(dict[str, Any], marshal.loads(self.answer(question)))


class FakeEngine:
    def __init__(self) -> None:
        self.generations, self.takes_deploys, self.count = Generations(), True, 0

    def add(self, number: int, phase: Phase) -> Generation:
        self.generations[number] = generation = Generation(number, number, phase)
        return generation


class Office:
    """A desk with everything around it."""

    def __init__(self, exporter: bool = True) -> None:
        self.exporter, self.engine = FakeExporter(), FakeEngine()
        given = cast(Exporter, self.exporter) if exporter else None
        self.desk = Desk([], None, cast(LeveledLog, None), given)
        self.desk.attach(cast(Engine, self.engine))

    def state(self) -> tuple[bool, str]:
        found = self.exporter.ask(b"state")
        assert set(found) == {"ready", "why"}, "what a probe needs, and no more"
        return found["ready"], found["why"]

    def hand_over(self, generation: Generation, requests: int) -> int:
        """The descriptor of a board on which a worker that has ended has counted so many."""
        scoreboard = Scoreboard()
        slot = scoreboard.claim_slot()
        scoreboard.board(slot)[16] = requests  # of the method GET with a status of 2xx
        scoreboard.release_slot(slot)
        assert scoreboard.fd is not None
        fd = os.dup(scoreboard.fd)
        os.close(scoreboard.fd)
        self.desk.said(generation, {BOARD: str(fd)})
        return fd


@pytest.fixture
def office() -> Office:
    return Office()


def counted(found: dict[str, Any]) -> int:
    return int(found["counted"][16])


def test_a_server_is_ready_while_a_generation_serves(office: Office) -> None:
    assert office.state() == (False, "no generation serves")
    generation = office.engine.add(1, Phase.STARTING)
    assert office.state() == (False, "no generation serves")
    generation.phase = Phase.SERVING
    assert office.state() == (True, "")
    office.engine.add(2, Phase.PROVING)
    assert office.state() == (True, "")


def test_a_server_that_was_told_to_stop_is_not_ready(office: Office) -> None:
    office.engine.add(1, Phase.SERVING)
    office.engine.takes_deploys = False
    assert office.state() == (False, "the server stops")


def test_a_generation_whose_master_hangs_is_not_ready(office: Office) -> None:
    office.engine.add(1, Phase.SERVING).hangs = True
    assert office.state() == (False, "generation 1 (pid 1) hangs")


def test_the_counters_of_a_generation_that_is_gone_stay(office: Office) -> None:
    for number in (1, 2, 3):
        generation = office.engine.add(number, Phase.SERVING)
        office.hand_over(generation, requests=10)
        office.desk.look()
        assert counted(office.exporter.ask(MEASURES)) == 10 * number
        del office.engine.generations[number]
        office.desk.look()
        assert counted(office.exporter.ask(MEASURES)) == 10 * number


def test_also_when_nobody_has_asked_meanwhile(office: Office) -> None:
    for number in range(1, 21):
        generation = office.engine.add(number, Phase.SERVING)
        office.hand_over(generation, requests=1)
        office.desk.look()
        del office.engine.generations[number]
    assert counted(office.exporter.ask(MEASURES)) == 20


def test_deploys_are_counted(office: Office) -> None:
    first = office.engine.add(1, Phase.SERVING)
    office.desk.promoted(None)
    office.desk.promoted(first)
    office.desk.failed()
    found = office.exporter.ask(MEASURES)
    assert (found["deploys"], found["deploys_failed"]) == (1, 1)
    assert found["generations"] == [(1, 1, "serving")]


def test_a_board_that_nobody_can_ask_for_is_closed() -> None:
    office = Office(exporter=False)
    fd = office.hand_over(office.engine.add(1, Phase.SERVING), requests=1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
