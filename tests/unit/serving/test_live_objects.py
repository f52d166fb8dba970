"""What a drained worker reports about objects that are left. The counts come from the debug build."""

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
    """Makes rhebok.native.worker report these counts."""
    monkeypatch.delenv(live_objects.REPORT_VARIABLE, raising=False)

    def count(**alive: int) -> None:
        monkeypatch.setattr(worker, "live_objects", lambda: alive)

    return count


def test_a_build_that_does_not_count_reports_nothing(counting: Counting) -> None:
    counting(connections=-1, exchanges=-1)
    assert live_objects.all_gone(LOG)


def test_with_all_counts_zero_all_are_gone(counting: Counting) -> None:
    counting(connections=0, exchanges=0)
    assert live_objects.all_gone(LOG)


def test_more_ends_than_beginnings_are_an_error_too(counting: Counting) -> None:
    counting(connections=-1, exchanges=0)
    assert not live_objects.all_gone(LOG)


def test_objects_that_are_left_are_an_error_with_their_counts(
    counting: Counting, caplog: pytest.LogCaptureFixture
) -> None:
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
