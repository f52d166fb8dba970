"""The child processes of this one, and their end. Used by serving/beginning and serving/preloading."""

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from os import kill, waitpid  # bound before the application, which may replace them, is imported
from time import monotonic, sleep


def children() -> frozenset[int]:
    """Also those that have ended and are not reaped (proc(5))."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
            if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.add(int(name))
    return frozenset(found)


def end_children(seconds: float, spared: Collection[int] = frozenset()) -> None:
    """All but these. Each has so many seconds for TERM, and as many for KILL: one that belongs to another
    user gets neither, and nobody waits for it for ever."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        give_up = monotonic() + seconds
        for pid in children().difference(spared):
            with suppress(ProcessLookupError, PermissionError):
                kill(pid, number)
        while _some_left(spared) and monotonic() < give_up:
            sleep(0.01)


def _some_left(spared: Collection[int]) -> bool:
    left = children().difference(spared)
    for pid in left:
        with suppress(ChildProcessError):
            waitpid(pid, os.WNOHANG)
    return bool(left)
