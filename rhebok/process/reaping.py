"""Children that have ended, and the time until something is due. Used by the prefork engine and by that of
superdaemons. The functions are bound here, before the application is imported: it may replace them.
"""

import math
import os
from collections.abc import Iterator
from os import WNOHANG, waitpid
from signal import Signals

STATUS_UNKNOWN = 255  # the child was reaped by other code than ours


def reap() -> Iterator[tuple[int, int]]:
    """The pid and the exit code of each child that has ended, whichever it is; a negative code is a signal.

    Raises ChildProcessError when there is no child at all.
    """
    while True:
        pid, status = waitpid(-1, WNOHANG)
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def describe_end(code: int) -> str:
    """An exit code in words, as in `worker 7 exited with status 0`."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def milliseconds(seconds: float) -> int:
    """A timeout for poll(2): not negative, rounded up, at most an hour."""
    return math.ceil(min(max(0.0, seconds), 3600.0) * 1000)
