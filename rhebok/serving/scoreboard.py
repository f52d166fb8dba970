"""The scoreboard: memory that master and workers share, with a slot for each worker. Made by master.

A slot holds a score for each thread of its worker, in the layout of csrc/loop/scoreboard.h, and a board for
each of its event loops (csrc/loop/board.h). The threads write without a system call. The master reads the
scores here, and on a signal the main thread of the worker: by atomic loads, since without the GIL other
threads of its own process write them meanwhile. It is a file in memory, so that the supervisor can read it
too (rhebok/board/reading.py).
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Sequence
from contextlib import suppress

from rhebok.board import counts
from rhebok.board.layout import (
    BOARD_SIZE,
    CAUSES,
    CAUSES_AT,
    CHANGES_AT,
    HEAD,
    LEVEL_AT,
    MAGIC,
    PURGES_SIZE,
    QUERIES_AT,
    RECORD,
    SCORE_SIZE,
    STOPPING_AT,
    VERSION,
    Layout,
)
from rhebok.native.shared_words import read_words
from rhebok.records import dataclass

SPARE = 256  # slots for workers that TTIN adds

_HEAD = struct.Struct("=QQIII4xQQ")  # deadline, requests, busy, sending, line_len, unsent, alive
_LINE_AT = 64
_LINE_SIZE = 240
_WORKER = struct.Struct("=9I4xQ")  # the fields of WorkerScore
_WORD = struct.Struct("=Q")
_ADD_SEALS, _SEAL_SEAL, _SEAL_SHRINK, _SEAL_GROW = 1033, 1, 2, 4  # fcntl(2)
_WORKER_AT = 320  # in the score of the first thread; with several loops (many_loops.py) in each


@dataclass(frozen=True)
class Score:
    """What a thread of a worker does, at one moment."""

    deadline: float | None  # time.monotonic() at which the request is late; None: no request, or no limit
    requests: int  # with the application so far, the current one included
    busy: bool  # a request is with the application
    sending: int  # responses that wait for their clients; with several threads only the sum is meaningful
    unsent: int  # bytes of these responses in memory, without files; likewise
    raw_line: bytes  # method and target of the current request, or of the last one
    with_query: bool = False  # whether `line` shows the query: it may have passwords
    alive: int = 0  # changes whenever the thread has looked at its event loop; 0: it is not in the loop

    @property
    def line(self) -> str:
        """raw_line for the log, in which all but printable ASCII is escaped."""
        return repr(self.raw_line if self.with_query else self.raw_line.partition(b"?")[0])[2:-1]


@dataclass(frozen=True)
class WorkerScore:
    """The connections of a worker, at one moment."""

    waiting: int  # 1 while its loop waits for events
    accepts: int  # 1 from its start until it stops
    open: int
    staying: int  # of these, kept alive, silent or slow
    expected: int  # given to it by others, and not taken yet
    sent: int  # sent to others so far, because their requests waited
    taken: int  # taken from others so far, whose requests waited
    given: int  # given to others so far, for the balance
    received: int  # received from others so far, for the balance
    main_alive: int  # changes whenever the main thread has run; 0: it serves requests itself


def describe_requests(scores: Sequence[Score]) -> str:
    """The current requests of a worker, by the scores of its threads, for the log; "" without any."""
    parts = [score.line for score in scores if score.busy]
    # A response may start in one thread and end in another: only the sums are true.
    sending = sum(score.sending for score in scores) % 2**32
    unsent = sum(score.unsent for score in scores) % 2**64
    if sending:
        noun = "response" if sending == 1 else "responses"
        parts.append(f"{sending} {noun} on the way ({_size(unsent)} in memory)")
    return " and ".join(parts)


def _size(count: int) -> str:
    """A number of bytes in KiB or MiB."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def capacity(workers: int) -> int:
    """The slots for so many workers: while they are replaced there are more, if they end slowly many more."""
    return 4 * workers + SPARE


class Scoreboard:
    """The slots of all workers, of `threads` threads and `boards` event loops each."""

    def __init__(
        self, threads: int = 1, capacity: int = SPARE, with_queries: bool = False, boards: int = 1
    ) -> None:
        self._with_queries = with_queries
        self._threads = threads
        self._slot_size = threads * SCORE_SIZE
        self._capacity = capacity
        self._layout = Layout(threads, capacity, boards)
        self.fd, self._memory = _shared_file(self._layout.size)  # fd: None where there are no such files
        self._words = memoryview(self._memory)
        HEAD.pack_into(self._memory, 0, MAGIC, VERSION, threads, capacity, boards, 0, 0)
        _WORD.pack_into(self._memory, QUERIES_AT, with_queries)
        self._claimed: set[int] = set()

    def claim_slot(self) -> int:
        """The number of a free slot, cleared. Raises OSError when there is none."""
        for slot in range(self._capacity):
            if slot not in self._claimed:
                self._claimed.add(slot)
                start = self._layout.score_at(slot)
                self._memory[start : start + self._slot_size] = bytes(self._slot_size)
                return slot
        raise OSError(f"there are {self._capacity} workers already")

    def release_slot(self, slot: int) -> None:
        """Frees the slot of a worker that has ended: the others send nothing to it any more, and its counters
        become a part of the past."""
        start = self._layout.score_at(slot)
        for at in range(start + _WORKER_AT, start + self._slot_size, SCORE_SIZE):
            self._memory[at : at + _WORKER.size] = bytes(_WORKER.size)
        self._add_to_past(slot)
        self._claimed.discard(slot)

    def _add_to_past(self, slot: int) -> None:
        """The number of changes is odd meanwhile: who reads then reads again."""
        memory, past, board = self._memory, self._layout.past_at, self._layout.board_at(slot)
        size = self._layout.boards * BOARD_SIZE
        ended = counts.lasting(counts.add_up(memory[board : board + size]))
        added = counts.number(memory[past : past + BOARD_SIZE]) + ended
        self._count_at(CHANGES_AT)
        memory[past : past + BOARD_SIZE] = counts.as_bytes(added)
        memory[board : board + size] = bytes(size)
        RECORD.pack_into(memory, self._layout.record_at(slot), 0, 0, 0)
        self._count_at(CHANGES_AT)

    def note_worker(self, slot: int, pid: int, state: int, forked_at: float) -> None:
        """Says who has the slot, for readers. state: see board/reading.py. forked_at: time.monotonic()."""
        RECORD.pack_into(self._memory, self._layout.record_at(slot), pid, state, int(forked_at * 1e9))

    def note_replaced(self, cause: str) -> None:
        """A worker was replaced for this reason."""
        self._count_at(CAUSES_AT + 8 * CAUSES.index(cause))

    def _count_at(self, at: int) -> None:
        (value,) = _WORD.unpack_from(self._memory, at)
        _WORD.pack_into(self._memory, at, value + 1)

    def view(self, slot: int) -> memoryview:
        """The scores of the slot, for the worker to write."""
        start = self._layout.score_at(slot)
        return memoryview(self._memory)[start : start + self._slot_size]

    def board(self, slot: int) -> memoryview:
        """The boards of the slot, likewise."""
        start = self._layout.board_at(slot)
        return memoryview(self._memory)[start : start + self._layout.boards * BOARD_SIZE]

    def purges(self) -> memoryview:
        """What is to be taken out of the cache, for the workers to read and write."""
        start = self._layout.purges_at
        return memoryview(self._memory)[start : start + PURGES_SIZE]

    def all_slots(self) -> memoryview:
        """The scores of all slots, for the workers to read and write."""
        start = self._layout.scores_at
        return memoryview(self._memory)[start : start + self._capacity * self._slot_size]

    def read_worker(self, slot: int) -> WorkerScore:
        """The score of the worker as a whole."""
        at = self._layout.score_at(slot) + _WORKER_AT
        return WorkerScore(*_WORKER.unpack(read_words(self._words, at, _WORKER.size)))

    def read(self, slot: int) -> list[Score]:
        """The scores of the worker's threads."""
        start = self._layout.score_at(slot)
        return [self._score(start + number * SCORE_SIZE) for number in range(self._threads)]

    def _score(self, start: int) -> Score:
        head = read_words(self._words, start, _HEAD.size)  # before the line: see rhb_score_begin
        deadline, requests, busy, sending, line_len, unsent, alive = _HEAD.unpack(head)
        line = read_words(self._words, start + _LINE_AT, _LINE_SIZE)[:line_len]
        late_at = deadline / 1e9 if deadline else None
        return Score(late_at, requests, bool(busy), sending, unsent, line, self._with_queries, alive)

    # Shared by all workers

    @property
    def log_level(self) -> int:
        """Of the error log, as board/layout.py has it. Written by the supervisor too."""
        (level,) = _WORD.unpack(read_words(self._words, LEVEL_AT, _WORD.size))
        return int(level)

    @property
    def generation_stops(self) -> bool:
        """Whether the whole generation stops: then workers that stop serve the accept queues first."""
        return self._memory[STOPPING_AT] != 0

    def note_generation_stops(self) -> None:
        """Called by the master, before it tells the workers to stop."""
        self._memory[STOPPING_AT] = 1


def _shared_file(size: int) -> tuple[int | None, mmap.mmap]:
    """Memory for processes to share, and the file that it is. Its size is sealed."""
    try:
        fd = os.memfd_create("rhebok-board", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None, mmap.mmap(-1, size)
    try:
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
    except OSError:  # a limit on the size of files
        os.close(fd)
        return None, mmap.mmap(-1, size)
    with suppress(OSError):
        fcntl.fcntl(fd, _ADD_SEALS, _SEAL_SEAL | _SEAL_SHRINK | _SEAL_GROW)
    return fd, memory
