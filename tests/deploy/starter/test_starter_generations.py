"""The bookkeeping of generations and the settings in the environment, as pure functions."""

import pytest

from rhebok.starter.generations import Generations, Role
from rhebok.starter.restart_settings import RestartSettings, restart_settings


@pytest.fixture
def reports() -> list[str]:
    return []


def with_current(*pids: int) -> Generations:
    """As many starts as there are pids, each of which has lived."""
    generations = Generations()
    for pid in pids:
        generations.retire_current()
        generations.attempts += 1
        generations.begin(pid)
        generations.promote()
    return generations


def test_a_candidate_is_not_among_those_that_serve() -> None:
    generations = with_current(10)
    generations.attempts += 1
    generations.begin(11)
    assert generations.serving() == [(1, 10)]
    assert generations.pids() == [10, 11]


def test_each_process_is_removed_from_its_role() -> None:
    generations = with_current(10, 11)
    generations.begin(12)
    roles = [generations.remove(pid)[0] for pid in (12, 11, 10, 99)]
    assert roles == [Role.CANDIDATE, Role.CURRENT, Role.OLD, Role.STRANGER]
    assert generations.pids() == []


def test_an_old_generation_is_due_once_for_each_time_it_was_scheduled() -> None:
    generations = with_current(10, 11)
    generations.schedule_signals(5.0)
    assert [generations.next_signal(), generations.due(4.9)] == [5.0, []]
    assert [each.pid for each in generations.due(5.0)] == [10]
    assert (generations.due(6.0), generations.next_signal()) == ([], None)
    generations.schedule_signals(7.0)
    assert [each.pid for each in generations.due(7.0)] == [10]


def test_a_later_restart_does_not_put_off_a_signal() -> None:
    generations = with_current(10, 11)
    generations.schedule_signals(5.0)
    generations.schedule_signals(9.0)
    assert generations.next_signal() == 5.0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, RestartSettings(False, 360, 0)),
        ({"ENABLE_AUTO_RESTART": "1"}, RestartSettings(True, 360, 5)),
        ({"ENABLE_AUTO_RESTART": "0"}, RestartSettings(False, 360, 0)),
        ({"ENABLE_AUTO_RESTART": ""}, RestartSettings(False, 360, 0)),
        ({"ENABLE_AUTO_RESTART": "1", "KILL_OLD_DELAY": "0"}, RestartSettings(True, 360, 0)),
        ({"AUTO_RESTART_INTERVAL": "1.5", "KILL_OLD_DELAY": "2"}, RestartSettings(False, 1.5, 2)),
        ({"AUTO_RESTART_INTERVAL": "", "KILL_OLD_DELAY": ""}, RestartSettings(False, 360, 0)),
    ],
)
def test_the_environment_decides_about_restarts(
    environ: dict[str, str], expected: RestartSettings, reports: list[str]
) -> None:
    assert restart_settings(environ, reports.append) == expected
    assert reports == []


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_number_that_is_none_is_reported_and_its_default_taken(text: str, reports: list[str]) -> None:
    assert restart_settings({"KILL_OLD_DELAY": text}, reports.append) == RestartSettings()
    assert len(reports) == 1
