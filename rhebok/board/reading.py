"""Reads the board of a generation, from the file in memory that its master has made (serving/scoreboard.py).

The reader may be a supervisor of root, and the writers processes of a user. So nothing here trusts the file:
it is read, never mapped, and what does not fit is no board. Readers never stop a writer.
"""

import fcntl
import os
import struct
from socket import AF_INET, AF_INET6, inet_ntop

from rhebok.board import counts
from rhebok.board.layout import (
    BOARD_SIZE,
    CAUSES,
    CAUSES_AT,
    CHANGES_AT,
    HEAD,
    LEVEL_AT,
    LEVELS,
    MAGIC,
    PURGE,
    PURGE_COUNTS,
    PURGE_KINDS,
    PURGE_SIZE,
    PURGES,
    PURGES_HEAD,
    QUERIES_AT,
    RECORD,
    SCORE_SIZE,
    VERSION,
    Layout,
)
from rhebok.records import dataclass

STARTING, READY, LEAVING = 1, 2, 3  # states of a worker

_GET_SEALS, _SHRINK = 1034, 2  # fcntl(2): only a file in memory has seals
# deadline, requests, busy, sending, line_len, unsent, alive, began, client_family
_SCORE = struct.Struct("=QQIII4xQQQB")
_OPEN = struct.Struct("=4I")  # of the worker's score: waiting, accepts, open, staying
_LINE_AT, _LINE_SIZE, _CLIENT_AT, _WORKER_AT = 64, 240, 304, 320
_ADDRESS_SIZES = {AF_INET: 4, AF_INET6: 16}
_WORD = struct.Struct("=Q")
_MOST_THREADS, _MOST_SLOTS = 4096, 65536
_ATTEMPTS = 5  # to read while nothing changes


@dataclass(frozen=True)
class Thread:
    """What a thread does."""

    busy: bool
    line: str  # of its current request, without the query unless they may be shown (--log-queries)
    began: float  # time.monotonic() when the request began
    requests: int
    client: str  # whose request it is: an address, or "" over a unix socket
    unsent: int  # as of Worker; of the threads of a worker only the sum is true


@dataclass(frozen=True)
class Worker:
    """What a worker does, and what it has counted so far (a number of counts.add_up)."""

    pid: int
    state: int
    forked_at: float  # time.monotonic()
    threads: tuple[Thread, ...]
    connections: int
    counted: int

    @property
    def unsent(self) -> int:
        """Bytes in memory of responses that wait for their clients."""
        return sum(each.unsent for each in self.threads) % 2**64

    @property
    def current(self) -> Thread | None:
        """The thread whose request is the oldest."""
        return min((each for each in self.threads if each.busy), key=lambda each: each.began, default=None)


@dataclass(frozen=True)
class Reading:
    """A generation, at one moment."""

    workers: tuple[Worker, ...]
    counted: int  # by all workers, also by those that have ended
    causes: dict[str, int]  # why workers were replaced, and how often
    cache_bytes: int = 0  # in the cache,
    cache_records: int = 0  # how many responses these are,
    cache_size: int = 0  # and how many bytes it may take; 0 without a cache


class BoardReader:
    """Of one generation. Raises ValueError for what is no board; the descriptor is closed then."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        try:
            self._layout = self._known_layout()
            (self._with_queries,) = _WORD.unpack(self._bytes(QUERIES_AT, 8))
        except (OSError, struct.error, ValueError) as error:
            os.close(fd)
            raise ValueError(f"this is no board: {error}") from None
        self._last = Reading((), 0, {})

    def _known_layout(self) -> Layout:
        if not fcntl.fcntl(self._fd, _GET_SEALS) & _SHRINK:
            raise ValueError("its size is not sealed")
        magic, version, threads, capacity, boards, *_ = HEAD.unpack(self._bytes(0, HEAD.size))
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError("of another version")
        if not (0 < threads <= _MOST_THREADS and 0 < capacity <= _MOST_SLOTS and boards <= threads):
            raise ValueError("too large")
        layout = Layout(threads, capacity, boards)
        if os.fstat(self._fd).st_size != layout.size:
            raise ValueError("of another size")
        return layout

    def read(self) -> Reading:
        """The generation now. While its master moves counters to the past for too long: as it was before."""
        for _ in range(_ATTEMPTS):
            before = self._changes()
            if before % 2:
                continue
            reading = self._read_once()
            if self._changes() == before:
                self._last = reading
                break
        return self._last

    @property
    def counts(self) -> bool:
        """Whether its workers have boards (--no-board)."""
        return self._layout.boards > 0

    def set_log_level(self, level: str) -> None:
        """Of the error log of this generation, once its master looks. OSError when it cannot be written."""
        os.pwrite(self._fd, _WORD.pack(LEVELS.index(level) + 1), LEVEL_AT)

    def purge(self, kind: str, text: str) -> None:
        """Asks for something to be taken out of the cache of this generation: whoever answers from it next
        does that first. Raises OSError when it cannot be written."""
        at = self._layout.purges_at
        asked, *_ = PURGE_COUNTS.unpack(self._bytes(at, PURGE_COUNTS.size))
        number, encoded = asked + 1, text.encode("utf-8", "surrogateescape")
        record = PURGE.pack(PURGE_KINDS.index(kind) + 1, len(encoded), encoded, number)
        os.pwrite(self._fd, record, at + PURGES_HEAD + number % PURGES * PURGE_SIZE)
        os.pwrite(self._fd, _WORD.pack(number), at)

    def close(self) -> None:
        os.close(self._fd)

    def _bytes(self, at: int, size: int) -> bytes:
        return os.pread(self._fd, size, at)

    def _changes(self) -> int:
        (changes,) = _WORD.unpack(self._bytes(CHANGES_AT, 8))
        return int(changes)

    def _read_once(self) -> Reading:
        layout = self._layout
        records = self._bytes(layout.records_at, layout.capacity * RECORD.size)
        workers = [
            self._worker(slot, *record)
            for slot, record in enumerate(RECORD.iter_unpack(records))
            if record[0]
        ]
        past = counts.number(self._bytes(layout.past_at, BOARD_SIZE))
        causes = struct.unpack(f"={len(CAUSES)}Q", self._bytes(CAUSES_AT, 8 * len(CAUSES)))
        counted = past + sum(worker.counted for worker in workers)
        cached = PURGE_COUNTS.unpack(self._bytes(layout.purges_at, PURGE_COUNTS.size))[3:]
        by_cause = dict(zip(CAUSES, causes, strict=True))
        return Reading(tuple(workers), counted, by_cause, *cached)

    def _worker(self, slot: int, pid: int, state: int, forked_at: int) -> Worker:
        layout = self._layout
        scores = self._bytes(layout.score_at(slot), layout.threads * SCORE_SIZE)
        boards = self._bytes(layout.board_at(slot), layout.boards * BOARD_SIZE)
        starts = range(0, len(scores), SCORE_SIZE)
        connections = sum(_OPEN.unpack_from(scores, at + _WORKER_AT)[2] for at in starts)
        threads = tuple(_thread(scores, at, self._with_queries) for at in starts)
        return Worker(pid, state, forked_at / 1e9, threads, connections, counts.add_up(boards))


def _thread(scores: bytes, at: int, with_query: bool) -> Thread:
    _, requests, busy, _, length, unsent, _, began, family = _SCORE.unpack_from(scores, at)
    line = scores[at + _LINE_AT : at + _LINE_AT + min(length, _LINE_SIZE)]
    if not with_query:
        line = line.partition(b"?")[0]
    address = scores[at + _CLIENT_AT : at + _CLIENT_AT + _ADDRESS_SIZES.get(family, 0)]
    client = inet_ntop(family, address) if address else ""
    return Thread(bool(busy), repr(line)[2:-1], began / 1e9, requests, client.removeprefix("::ffff:"), unsent)
