"""The command's own part of a start: what its first line says."""

import sys

import pytest

from rhebok import supervising

BUILD = "(main, Nov  2 2026, 10:00:00) [GCC 12.2.0]"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (f"3.11.7 {BUILD}", "3.11.7"),
        (f"3.13.5 experimental free-threading build {BUILD}", "3.13.5 (free-threaded)"),
        (f"3.14.2 free-threading build {BUILD}", "3.14.2 (free-threaded)"),
    ],
)
def test_the_first_line_says_which_python_runs(
    monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    monkeypatch.setattr(sys, "version", version)
    assert supervising._python() == said
