"""The shapes that `python -m bench threads` compares, and a row of its table."""

import pytest

from bench import threads
from bench.threads import Round, Shape, figures, shapes_of


def test_each_shape_is_told_to_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "has_granian", lambda python: True)
    commands = {
        str(shape): " ".join(shape.command("python", 8000, "app")) for shape in shapes_of(2, "python")
    }
    assert "--workers 1 --threads 2" in commands["rhebok 1 x 2"]
    assert "--workers 2 --threads 1" in commands["rhebok 2 x 1"]
    assert "--workers 2 --threads 1 --no-preload" in commands["rhebok 2 x 1, --no-preload"]
    assert "--workers 2 --blocking-threads 1" in commands["granian 1 x 2"]


def test_a_missing_peer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "has_granian", lambda python: False)
    assert {shape.server for shape in shapes_of(2, "python")} == {"rhebok"}


def test_the_rate_without_a_client_is_computed_from_the_cpu() -> None:
    ones, twos = [Round(1000, 10, 1024)] * 3, [Round(900, 12.5, 2048)] * 3
    assert figures(Shape(1, 2), twos, ones) == "| rhebok 1 x 2 | 0.90 | 1.25 | 1.60 | 2.0 |"
