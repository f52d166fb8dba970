"""Waiting for a condition, with a deadline far beyond what any machine needs.

RHEBOK_TEST_DEADLINE is another one, for servers that are many times slower (`make tsan`).
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = float(os.environ.get("RHEBOK_TEST_DEADLINE", "30"))


def until(
    condition: Callable[[], T], what: Callable[[], object] = lambda: "", seconds: float = DEADLINE_SECONDS
) -> T:
    """The first true value of the condition; `what` says in the failure what was there instead."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what()}"
        time.sleep(0.005)
    return value
