"""What is said to applications whose threads are replaced."""

import sys
from types import SimpleNamespace

import pytest

from rhebok.serving import patches
from rhebok.settings.table import Settings


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkey = SimpleNamespace(is_module_patched=lambda name: name == "threading")
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)


def test_threads_and_patched_threads_are_one_thread_and_a_warning(patched: None) -> None:
    settings, warning = patches.without_threads(Settings(app="app", threads=4))
    assert settings.threads == 1
    assert "--threads 4" in warning
    assert "gevent" in warning


def test_one_thread_is_as_it_was(patched: None) -> None:
    settings = Settings(app="app", threads=1)
    assert patches.without_threads(settings) == (settings, "")


def test_threads_that_are_not_patched_stay() -> None:
    settings = Settings(app="app", threads=4)
    assert patches.without_threads(settings) == (settings, "")
