"""The starter's settings in the environment, as pure functions."""

import pytest

from rhebok.starter.restart_settings import RestartSettings, restart_settings


@pytest.fixture
def reports() -> list[str]:
    return []


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
