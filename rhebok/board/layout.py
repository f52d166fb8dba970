"""Where things stand in the memory that a master, its workers and the supervisor share.

    header     what the master says of the generation
    records    of each slot, written by the master: which worker has it
    scores     of each slot, one for each thread: csrc/loop/scoreboard.h
    boards     of each slot, one for each event loop: csrc/loop/board.h
    past       one board: the sum of those of workers that have ended
    purges     what is to be taken out of the cache: struct rhb_purge_desk of csrc/cache/memory.h

Words are 64 bits in the order of the machine. A board consists of words only, so boards are added as one
long number: no counter gets near the end of its word. All of them are counters, but for the connections that
are parked: those of a board that ends are gone. With --no-board no slot has boards. serving/scoreboard.py and
reading.py read the scores.
"""

import struct

from rhebok.board.histogram import BUCKETS
from rhebok.records import dataclass

MAGIC = b"RHBBOARD"
VERSION = 2
SCORE_SIZE = 384
BOARD_SIZE = 14464

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
ACCEPTED_AT, BYTES_IN_AT, BYTES_OUT_AT, TRANSFERRED_AT, BALANCED_AT = 48, 49, 50, 51, 52  # words
PARKED_AT = 424  # bytes: a number of 32 bits for each state
PARKED = ("new", "reading_head", "reading_body", "sending", "idle", "lingering")  # as csrc/loop/connection.h
CACHE = ("hits", "stale", "misses", "stored", "evicted")  # struct rhb_cache_counts of csrc/cache/cache.h
HISTOGRAMS = ("prompt", "queue", "application", "total")
HISTOGRAM_AT, HISTOGRAM_WORDS = 56, BUCKETS
CACHE_AT = HISTOGRAM_AT + len(HISTOGRAMS) * HISTOGRAM_WORDS

# Why workers were replaced.
CAUSES = ("max-requests", "lifetime", "memory", "timeout", "held", "recycled", "killed", "failed")

HEAD = struct.Struct("=8sIIIIQQ")  # magic, version, threads, capacity, boards, changes, stopping
CHANGES_AT, STOPPING_AT, LEVEL_AT, QUERIES_AT, CAUSES_AT = 24, 32, 40, 48, 64
LEVELS = ("debug", "info", "warning", "error", "critical")  # LEVEL_AT has 1 for the first; 0: as configured
RECORD = struct.Struct("=IIQ16x")  # pid (0: free), state, monotonic ns of the fork

# The desk of purges: how many have been asked for and carried out, the records that these have removed; bytes
# and records that are in the cache, the bytes that it may take; and then a place for each of the last purges.
PURGE_COUNTS = struct.Struct("=QQQQQQ")
CACHE_SIZE_AT = PURGE_COUNTS.size - 8  # in the desk: the last of these
PURGES_HEAD, PURGE_SIZE, PURGES, PURGE_TEXT = 64, 2048, 32, 2024
PURGE = struct.Struct(f"=II8x{PURGE_TEXT}sQ")  # kind, length of the text, text, number
PURGES_SIZE = PURGES_HEAD + PURGES * PURGE_SIZE
PURGE_KINDS = ("url", "prefix", "tag", "all")  # from 1 on

_HEADER_SIZE = 4096


@dataclass(frozen=True)
class Layout:
    """Of a generation: threads of a worker, slots for workers, boards in a slot."""

    threads: int
    capacity: int
    boards: int = 1

    @property
    def records_at(self) -> int:
        return _HEADER_SIZE

    @property
    def scores_at(self) -> int:
        return _page(self.records_at + self.capacity * RECORD.size)

    @property
    def boards_at(self) -> int:
        return _page(self.scores_at + self.capacity * self.threads * SCORE_SIZE)

    @property
    def past_at(self) -> int:
        return self.boards_at + self.capacity * self.boards * BOARD_SIZE

    @property
    def purges_at(self) -> int:
        return _page(self.past_at + BOARD_SIZE)

    @property
    def size(self) -> int:
        return self.purges_at + PURGES_SIZE

    def record_at(self, slot: int) -> int:
        return self.records_at + slot * RECORD.size

    def score_at(self, slot: int) -> int:
        return self.scores_at + slot * self.threads * SCORE_SIZE

    def board_at(self, slot: int) -> int:
        return self.boards_at + slot * self.boards * BOARD_SIZE


def _page(size: int) -> int:
    return -(-size // 4096) * 4096
