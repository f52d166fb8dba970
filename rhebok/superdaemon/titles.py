"""The titles of our processes: role, name and generation. Used by launch and worker.

Who looks for gunicorn's master, to send it a signal, finds the supervisor: it is the one to send signals to.
"""

from __future__ import annotations

from rhebok.records import TYPE_CHECKING
from rhebok.superdaemon import supervised

if TYPE_CHECKING:
    from rhebok.settings.table import Settings


def supervisor(settings: Settings) -> str:
    return f"rhebok: master [{_name(settings)}] (supervisor)"


def metrics(settings: Settings) -> str:
    return f"rhebok: metrics [{_name(settings)}]"


def master(settings: Settings) -> str:
    return f"rhebok: generation{_number()} [{_name(settings)}] (master)"


def worker(settings: Settings) -> str:
    return f"rhebok: worker [{_name(settings)}] (generation{_number()})"


def _name(settings: Settings) -> str:
    return settings.name or settings.app


def _number() -> str:
    number = supervised.generation()
    return f" {number}" if number else ""
