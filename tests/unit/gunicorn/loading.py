"""Configurations for the tests of facades and hooks: what the command makes of a file and of flags."""

from pathlib import Path

from rhebok import cli
from rhebok.settings.config import Config


def load(directory: Path, text: str, *arguments: str) -> Config:
    """Of a file in Python with this text. The test is in that directory."""
    (directory / "gunicorn.conf.py").write_text(text)
    found: list[Config] = []
    assert cli.run([*arguments, "hello:app"], found.append, found.append) == 0
    return found[0]
