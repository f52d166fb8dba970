"""The counters of boards: sums of them, and what the words of a sum mean."""

import struct
import sys
from collections.abc import Sequence

from rhebok.board.histogram import middle, sparse
from rhebok.board.layout import (
    ACCEPTED_AT,
    BALANCED_AT,
    BOARD_SIZE,
    BYTES_IN_AT,
    BYTES_OUT_AT,
    CACHE,
    CACHE_AT,
    CLASSES,
    HISTOGRAM_AT,
    HISTOGRAM_WORDS,
    HISTOGRAMS,
    METHODS,
    PARKED,
    PARKED_AT,
    TRANSFERRED_AT,
)

_ORDER = sys.byteorder
_WORDS = struct.Struct(f"={BOARD_SIZE // 8}Q")
_PARKED = struct.Struct(f"={len(PARKED)}I")


def number(board: bytes | memoryview) -> int:
    """All words of a board as one number. Such numbers may be added."""
    return int.from_bytes(board, _ORDER)


def add_up(boards: bytes | memoryview) -> int:
    """The sum of several boards that stand behind one another."""
    return sum(number(boards[at : at + BOARD_SIZE]) for at in range(0, len(boards), BOARD_SIZE))


_NO_COUNTERS = number(
    bytes(PARKED_AT) + b"\xff" * _PARKED.size + bytes(BOARD_SIZE - PARKED_AT - _PARKED.size)
)


def lasting(added: int) -> int:
    """What is left of a sum when its workers have ended: the counters."""
    return added & ~_NO_COUNTERS


def as_bytes(added: int) -> bytes:
    """A board with these words."""
    return (added & ((1 << 8 * BOARD_SIZE) - 1)).to_bytes(BOARD_SIZE, _ORDER)


class Times:
    """A histogram: the buckets that are not empty."""

    def __init__(self, words: Sequence[int]) -> None:
        self.counts = sparse(words)

    @property
    def seconds(self) -> float:
        """The sum of the durations, within 3 %."""
        return sum(count * middle(bucket) for bucket, count in self.counts.items())

    def add(self, other: "Times") -> None:
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count


class Counts:
    """What a sum of boards says."""

    def __init__(self, added: int = 0) -> None:
        board = as_bytes(added)
        words = _WORDS.unpack(board)
        width = len(CLASSES)
        self.requests = {  # by method, then by class of the status
            method: dict(zip(CLASSES, words[row * width : (row + 1) * width], strict=True))
            for row, method in enumerate(METHODS)
        }
        self.accepted = words[ACCEPTED_AT]
        self.bytes_in, self.bytes_out = words[BYTES_IN_AT], words[BYTES_OUT_AT]
        self.cache = dict(zip(CACHE, words[CACHE_AT : CACHE_AT + len(CACHE)], strict=True))
        self.transferred, self.balanced = words[TRANSFERRED_AT], words[BALANCED_AT]
        self.parked = dict(zip(PARKED, _PARKED.unpack_from(board, PARKED_AT), strict=True))
        starts = [HISTOGRAM_AT + place * HISTOGRAM_WORDS for place in range(len(HISTOGRAMS))]
        prompt, queue, application, total = (Times(words[at : at + HISTOGRAM_WORDS]) for at in starts)
        # The prompt ones did not wait: their time with the application is the total too (csrc/loop/lap.h).
        at_once = sum(prompt.counts.values())
        if at_once:
            queue.counts[0] = queue.counts.get(0, 0) + at_once
        application.add(prompt)
        total.add(prompt)
        self.queue, self.application, self.total = queue, application, total

    @property
    def by_class(self) -> dict[str, int]:
        """Requests by class of the status."""
        return {name: sum(row[name] for row in self.requests.values()) for name in CLASSES}

    @property
    def count(self) -> int:
        """All requests."""
        return sum(self.by_class.values())
