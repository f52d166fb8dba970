"""The scoreboard: memory that master and workers share, one slot a worker. Made by master before it forks.

csrc/scoreboard.h is the layout; a worker writes its slot without a system call, the master reads it here.
"""

import mmap
import struct
from dataclasses import dataclass

SLOT_SIZE = 320
CAPACITY = 8192  # the most workers there may be, twice; untouched pages cost nothing

_HEAD = struct.Struct("=QQIII4xQ")  # deadline, requests, busy, sending, line_len, unsent
_LINE_AT = 64
_LINE_SIZE = 240


@dataclass(frozen=True)
class Score:
    """A worker's slot at one moment."""

    deadline: float | None  # time.monotonic() at which the request is late; None: no request, or no limit
    requests: int
    busy: bool
    sending: int  # responses that wait for their clients
    unsent: int  # bytes that they hold in memory; what is left of a file is not among them
    raw_line: bytes  # method and target of the request that is, or was last, with the application

    @property
    def line(self) -> str:
        """For the log: what is not printable ASCII is escaped."""
        return repr(self.raw_line)[2:-1]

    @property
    def doing(self) -> str:
        """What it is at, for the log; empty when at nothing."""
        parts = [self.line] if self.busy else []
        if self.sending:
            noun = "response" if self.sending == 1 else "responses"
            parts.append(f"{self.sending} {noun} on the way ({_size(self.unsent)} in memory)")
        return " and ".join(parts)


def _size(count: int) -> str:
    """Bytes, for people."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


class Scoreboard:
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._ending_at = capacity * SLOT_SIZE
        self._memory = mmap.mmap(-1, self._ending_at + 1)
        self._taken: set[int] = set()

    def take(self) -> int:
        """A slot for a worker to come, cleared; OSError when there is none."""
        for slot in range(self._capacity):
            if slot not in self._taken:
                self._taken.add(slot)
                start = slot * SLOT_SIZE
                self._memory[start : start + SLOT_SIZE] = bytes(SLOT_SIZE)
                return slot
        raise OSError(f"there are {self._capacity} workers already")

    def release(self, slot: int) -> None:
        self._taken.discard(slot)

    def view(self, slot: int) -> memoryview:
        """For the worker to write into."""
        return memoryview(self._memory)[slot * SLOT_SIZE : (slot + 1) * SLOT_SIZE]

    def read(self, slot: int) -> Score:
        start = slot * SLOT_SIZE
        deadline, requests, busy, sending, line_len, unsent = _HEAD.unpack_from(self._memory, start)
        line = self._memory[start + _LINE_AT : start + _LINE_AT + min(line_len, _LINE_SIZE)]
        return Score(deadline / 1e9 if deadline else None, requests, bool(busy), sending, unsent, line)

    # For all of them

    @property
    def ending(self) -> bool:
        """The whole generation ends: workers that stop serve what waits in the queues first."""
        return self._memory[self._ending_at] != 0

    def say_ending(self) -> None:
        self._memory[self._ending_at] = 1
