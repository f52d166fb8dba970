"""The scoreboard: memory that master and workers share, one slot a worker. Made by master before it forks.

A slot holds a score for each thread of its worker. csrc/scoreboard.h is the layout; the threads write their
scores without a system call, the master reads them here.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass

SCORE_SIZE = 320
CAPACITY = 8192  # the most workers there may be, twice; untouched pages cost nothing

_HEAD = struct.Struct("=QQIII4xQ")  # deadline, requests, busy, sending, line_len, unsent
_LINE_AT = 64
_LINE_SIZE = 240


@dataclass(frozen=True)
class Score:
    """What a thread of a worker is at, at one moment."""

    deadline: float | None  # time.monotonic() at which the request is late; None: no request, or no limit
    requests: int
    busy: bool
    sending: int  # responses that wait for their clients; of one thread of several it may be any number
    unsent: int  # bytes that they hold in memory, likewise; what is left of a file is not among them
    raw_line: bytes  # method and target of the request that is, or was last, with the application

    @property
    def line(self) -> str:
        """For the log: what is not printable ASCII is escaped."""
        return repr(self.raw_line)[2:-1]


def doing(scores: Sequence[Score]) -> str:
    """What a worker is at, by the scores of its threads, for the log; empty when at nothing."""
    parts = [score.line for score in scores if score.busy]
    # What was begun in one thread may have ended in another: only the sums are true.
    sending = sum(score.sending for score in scores) % 2**32
    unsent = sum(score.unsent for score in scores) % 2**64
    if sending:
        noun = "response" if sending == 1 else "responses"
        parts.append(f"{sending} {noun} on the way ({_size(unsent)} in memory)")
    return " and ".join(parts)


def _size(count: int) -> str:
    """Bytes, for people."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


class Scoreboard:
    """Scoreboard(threads): for workers with so many threads each."""

    def __init__(self, threads: int = 1, capacity: int = CAPACITY) -> None:
        self._threads = threads
        self._slot_size = threads * SCORE_SIZE
        self._capacity = capacity
        self._ending_at = capacity * self._slot_size
        self._memory = mmap.mmap(-1, self._ending_at + 1)
        self._taken: set[int] = set()

    def take(self) -> int:
        """A slot for a worker to come, cleared; OSError when there is none."""
        for slot in range(self._capacity):
            if slot not in self._taken:
                self._taken.add(slot)
                start = slot * self._slot_size
                self._memory[start : start + self._slot_size] = bytes(self._slot_size)
                return slot
        raise OSError(f"there are {self._capacity} workers already")

    def release(self, slot: int) -> None:
        self._taken.discard(slot)

    def view(self, slot: int) -> memoryview:
        """For the worker to write into."""
        return memoryview(self._memory)[slot * self._slot_size : (slot + 1) * self._slot_size]

    def read(self, slot: int) -> list[Score]:
        """A score for each of the worker's threads."""
        start = slot * self._slot_size
        return [self._score(start + number * SCORE_SIZE) for number in range(self._threads)]

    def _score(self, start: int) -> Score:
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
