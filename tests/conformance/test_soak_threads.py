"""The threads of a worker answer good clients right while hostile ones are there: no crash, no wrong answer,
and no memory that adds up.

RHEBOK_TEST_SECONDS is how long: `make soak-threads` an hour, without the GIL and with assertions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import cases
import pytest
import soak
from integration import right_answers
from integration.processes import memory
from integration.server import Server

SECONDS = float(os.environ.get("RHEBOK_TEST_SECONDS", "3"))
GOOD, HOSTILE = 4, 4  # clients
GROWTH = 32 * 2**20  # of the worker, after the first sixth of the time


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    right_answers.make_files(tmp_path)
    server = Server("mixed", *right_answers.OPTIONS, directory=tmp_path)
    try:
        yield server
        server.judge()
    finally:
        server.end()


def playing(player: soak.Player) -> right_answers.Task:
    def play(end: float) -> None:
        while time.monotonic() < end:
            player.play(soak.WINDOW)

    return play


@pytest.mark.timeout(3 * SECONDS + 120)
def test_answers_are_right_beside_hostile_clients(server: Server, tmp_path: Path) -> None:
    host, port = server.address
    [worker] = server.wait_for_workers(1)
    known = cases.load()
    players = [soak.Player([f"{host}:{port}"], known, seed) for seed in range(HOSTILE)]
    tasks = [right_answers.asking(server.address)] * GOOD + [playing(player) for player in players]
    tasks += [right_answers.changing(tmp_path / "files"), right_answers.signalling([worker])]
    kept = []
    for part in (1, 5):
        assert right_answers.at_once(tasks, SECONDS * part / 6) == []
        kept.append(memory(worker))
    print(f"{sum(player.played for player in players)} played; PSS {kept}")
    assert server.workers() == [worker]
    assert kept[1] - kept[0] < GROWTH, kept
