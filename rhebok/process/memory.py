"""How much memory a process has for itself. Used by who answers `rhebok status` and /metrics."""

import os
from collections.abc import Iterable
from time import monotonic

_PAGE = os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pid: int) -> int | None:
    """Pages that several processes share are divided among them (PSS). None where /proc does not tell."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def resident_bytes(pid: int) -> int | None:
    """With all shared pages. None when the process does not exist."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def parent_of(pid: int) -> int | None:
    """The pid of its parent. None when the process does not exist."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


_SECONDS = 0.015  # for one answer: looking at the pages of a process takes time
FRESH = 5.0
_KEPT = 10  # times as long: better than nothing when there is no time to look again


class Memory:
    """Of the processes that one answer names: proportional, or resident while there is no time for it."""

    def __init__(self, fresh: float = FRESH) -> None:
        """fresh: seconds for which the bytes of a process are good enough."""
        self._fresh = fresh
        self._looked: dict[int, tuple[float, int]] = {}  # by pid: when, and bytes

    def of(self, pids: Iterable[int]) -> dict[int, int]:
        """The bytes of each; 0 when it does not exist."""
        deadline = self.deadline()
        return {pid: self.bytes_of(pid, deadline) or 0 for pid in pids}

    def deadline(self) -> float:
        """Of an answer that begins now. What nobody has asked for lately is forgotten."""
        now = monotonic()
        kept = self._looked.items()
        self._looked = {pid: each for pid, each in kept if now < each[0] + _KEPT * self._fresh}
        return now + _SECONDS

    def bytes_of(self, pid: int, deadline: float) -> int | None:
        """After the deadline what was known before, or what is cheap. None: there is no such process."""
        now, (looked_at, size) = monotonic(), self._looked.get(pid, (0.0, None))
        if looked_at and now < looked_at + self._fresh:
            return size
        if now >= deadline:
            return resident_bytes(pid) if size is None else size
        size = proportional_bytes(pid)
        size = resident_bytes(pid) if size is None else size
        self._looked.pop(pid, None)
        if size is not None:
            self._looked[pid] = now, size
        return size
