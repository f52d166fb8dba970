"""Waits for a condition, with a deadline far beyond what any machine needs. Used by the tests here."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 30.0


def until(condition: Callable[[], T], what: Callable[[], object] = lambda: "") -> T:
    """The first true value of the condition. `what` gives the text of the failure: what was there instead."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"timed out: {what()}"
        time.sleep(0.005)
