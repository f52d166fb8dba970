"""Threads that answer in every way at once: by the application, from the shared cache, with files.

`make tsan` runs this with a server whose data races are reported: RHEBOK_TEST_STARTS_AS is its command, and
RHEBOK_TEST_SECONDS how long each test takes.
"""

import os
from pathlib import Path

import pytest

from integration import right_answers
from integration.conftest import Serve

STARTED_AS = os.environ.get("RHEBOK_TEST_STARTS_AS", "").split()
SECONDS = float(os.environ.get("RHEBOK_TEST_SECONDS", "2"))
CLIENTS = 8


@pytest.mark.parametrize("workers", [1, 2])
def test_every_answer_is_right(serve: Serve, tmp_path: Path, workers: int) -> None:
    files = right_answers.make_files(tmp_path)
    server = serve("mixed", *right_answers.OPTIONS, workers=workers, started_as=STARTED_AS)
    tasks = [right_answers.asking(server.address)] * CLIENTS
    tasks += [right_answers.changing(files), right_answers.signalling(server.wait_for_workers(workers))]
    assert right_answers.at_once(tasks, SECONDS) == []
