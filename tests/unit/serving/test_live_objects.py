"""What a drained worker says about objects that are left; the counts themselves are the debug build's."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from rhebok.native import worker
from rhebok.serving import live_objects

LOG = logging.getLogger("test_live_objects")

Counting = Callable[..., None]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Makes the compiled part report these counts."""
    monkeypatch.delenv(live_objects.REPORT_VARIABLE, raising=False)

    def count(**alive: int) -> None:
        monkeypatch.setattr(worker, "live_objects", lambda: alive)

    return count


def test_a_build_that_does_not_count_has_nothing_to_say(counting: Counting) -> None:
    counting(connections=-1, exchanges=-1)
    assert live_objects.all_gone(LOG)


def test_zero_of_everything_is_all_gone(counting: Counting) -> None:
    counting(connections=0, exchanges=0)
    assert live_objects.all_gone(LOG)


def test_what_is_left_is_an_error_that_names_it(counting: Counting, caplog: pytest.LogCaptureFixture) -> None:
    counting(connections=0, exchanges=2)
    assert not live_objects.all_gone(LOG)
    assert "{'exchanges': 2}" in caplog.text


def test_each_worker_adds_its_line_to_the_report(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report"
    monkeypatch.setenv(live_objects.REPORT_VARIABLE, str(report))
    counting(connections=0, exchanges=1)
    live_objects.all_gone(LOG)
    live_objects.all_gone(LOG)
    lines = [json.loads(line)["alive"] for line in report.read_text().splitlines()]
    assert lines == [{"connections": 0, "exchanges": 1}] * 2
