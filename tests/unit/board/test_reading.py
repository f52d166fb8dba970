"""Reading a board that a master has made, and the sums of several."""

import os
import struct
from collections.abc import Iterator
from socket import AF_INET, AF_INET6, AF_UNIX, inet_pton

import pytest

from rhebok.board.books import Books
from rhebok.board.counts import Counts
from rhebok.board.layout import (
    BOARD_SIZE,
    CHANGES_AT,
    PARKED_AT,
    PURGE,
    PURGE_COUNTS,
    PURGE_KINDS,
    PURGE_SIZE,
    PURGES_HEAD,
)
from rhebok.board.reading import READY, BoardReader
from rhebok.serving.scoreboard import Scoreboard


class Generation:
    """A master's scoreboard, and a reader of it."""

    def __init__(self, threads: int = 1, boards: int | None = None, with_queries: bool = False) -> None:
        boards = threads if boards is None else boards
        self.board = Scoreboard(threads, 4, with_queries=with_queries, boards=boards)

    def handed_over(self) -> int:
        assert self.board.fd is not None
        return os.dup(self.board.fd)

    def worker(self, pid: int, accepted: int) -> int:
        slot = self.board.claim_slot()
        self.board.note_worker(slot, pid, READY, 5.5)
        self.count(slot, accepted)
        return slot

    def count(self, slot: int, accepted: int, loop: int = 0) -> None:
        struct.pack_into("=Q", self.board.board(slot), loop * BOARD_SIZE + 48 * 8, accepted)


@pytest.fixture
def generation() -> Generation:
    return Generation()


@pytest.fixture
def reader(generation: Generation) -> Iterator[BoardReader]:
    made = BoardReader(generation.handed_over())
    yield made
    made.close()


def accepted(counted: int) -> int:
    return Counts(counted).accepted


def test_a_worker_is_read(generation: Generation, reader: BoardReader) -> None:
    slot = generation.worker(77, 3)
    line = b"GET /x?secret"
    view = generation.board.view(slot)
    view[:57] = struct.pack("=QQIII4xQQQB", 0, 9, 1, 0, len(line), 700, 0, 12_500_000_000, AF_INET)
    view[304:308] = bytes((192, 0, 2, 7))
    view[64 : 64 + len(line)] = line
    (worker,) = reader.read().workers
    assert (worker.pid, worker.state, worker.forked_at, accepted(worker.counted)) == (77, READY, 5.5, 3)
    assert worker.current == worker.threads[0]
    assert (worker.threads[0].client, worker.unsent) == ("192.0.2.7", 700)
    assert (worker.threads[0].line, worker.threads[0].began, worker.threads[0].requests) == (
        "GET /x",
        12.5,
        9,
    )


def test_queries_are_shown_where_the_log_may_show_them() -> None:
    generation = Generation(with_queries=True)
    view = generation.board.view(generation.worker(77, 3))
    view[24:28], view[64:72] = struct.pack("=I", 8), b"GET /x?y"
    reader = BoardReader(generation.handed_over())
    assert reader.read().workers[0].threads[0].line == "GET /x?y"
    reader.close()


@pytest.mark.parametrize(
    ("family", "address", "client"),
    [
        (AF_INET6, "2001:db8::7", "2001:db8::7"),
        (AF_INET6, "::ffff:192.0.2.7", "192.0.2.7"),
        (AF_UNIX, "::", ""),
        (0, "::", ""),
        (77, "::", ""),
    ],
)
def test_a_client_is_an_address_or_unknown(
    generation: Generation, reader: BoardReader, family: int, address: str, client: str
) -> None:
    view = generation.board.view(generation.worker(77, 3))
    view[56], view[304:320] = family, inet_pton(AF_INET6, address)
    assert reader.read().workers[0].threads[0].client == client


def test_connections_that_are_parked_end_with_their_worker(
    generation: Generation, reader: BoardReader
) -> None:
    slot = generation.worker(7, 3)
    struct.pack_into("=6I", generation.board.board(slot), PARKED_AT, 1, 2, 3, 4, 5, 6)
    assert list(Counts(reader.read().counted).parked.values()) == [1, 2, 3, 4, 5, 6]
    generation.board.release_slot(slot)
    gone = Counts(reader.read().counted)
    assert (gone.accepted, sum(gone.parked.values())) == (3, 0)


def test_connections_that_are_parked_end_with_their_generation(generation: Generation) -> None:
    slot, books = generation.worker(7, 3), Books()
    struct.pack_into("=6I", generation.board.board(slot), PARKED_AT, 1, 2, 3, 4, 5, 6)
    books.open(1, generation.handed_over())
    books.close_others(frozenset())
    gone = Counts(books.counted({}))
    assert (gone.accepted, sum(gone.parked.values())) == (3, 0)


def test_a_generation_without_boards_says_so() -> None:
    generation, books = Generation(boards=0), Books()
    generation.board.note_worker(generation.board.claim_slot(), 7, READY, 5.5)
    assert books.counts()
    books.open(1, generation.handed_over())
    assert not books.counts()
    (worker,) = books.readings()[1].workers
    assert (worker.pid, worker.counted) == (7, 0)


def test_loops_of_a_worker_are_added() -> None:
    generation = Generation(threads=3)
    slot = generation.worker(7, 1)
    generation.count(slot, 10, loop=2)
    reader = BoardReader(generation.handed_over())
    assert accepted(reader.read().counted) == 11
    assert len(reader.read().workers[0].threads) == 3
    reader.close()


def test_what_a_worker_has_counted_stays_when_its_slot_is_used_again(
    generation: Generation, reader: BoardReader
) -> None:
    for round_ in range(1, 4):
        slot = generation.worker(round_, 5)
        assert accepted(reader.read().counted) == 5 * round_
        generation.board.release_slot(slot)
        assert accepted(reader.read().counted) == 5 * round_
        assert reader.read().workers == ()


def test_causes_are_counted(generation: Generation, reader: BoardReader) -> None:
    for cause in ("memory", "killed", "killed"):
        generation.board.note_replaced(cause)
    causes = reader.read().causes
    assert {cause: number for cause, number in causes.items() if number} == {"memory": 1, "killed": 2}


def test_a_board_that_is_just_changing_is_not_read(generation: Generation, reader: BoardReader) -> None:
    generation.worker(1, 5)
    assert accepted(reader.read().counted) == 5
    os.pwrite(
        generation.handed_over(), struct.pack("=Q", 1), CHANGES_AT
    )  # a master that died while it changed it
    generation.worker(2, 7)
    assert accepted(reader.read().counted) == 5


def test_what_is_no_board_is_refused(tmp_path) -> None:
    plain = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    read_end, write_end = os.pipe()
    empty = os.memfd_create("empty", os.MFD_ALLOW_SEALING)
    for fd in (plain, read_end, empty):
        with pytest.raises(ValueError, match="no board"):
            BoardReader(fd)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
    os.close(write_end)


def test_the_sum_never_falls_when_generations_come_and_go() -> None:
    books, sums = Books(), []

    def look(*alive: int) -> None:
        books.close_others(frozenset(alive))
        sums.append(accepted(books.counted(books.readings())))

    first, second = Generation(), Generation()
    books.open(1, first.handed_over())
    slot = first.worker(10, 5)
    look(1)
    books.open(2, second.handed_over())
    second.worker(20, 3)
    look(1, 2)
    first.count(slot, 6)
    first.board.release_slot(slot)
    look(2)
    look(2)
    look()
    assert sums == [5, 8, 9, 9, 9]


def test_causes_of_former_generations_are_kept() -> None:
    books, first = Books(), Generation()
    books.open(1, first.handed_over())
    first.board.note_replaced("failed")
    books.close_others(frozenset())
    assert books.causes(books.readings())["failed"] == 1


def test_a_second_board_of_a_generation_is_not_taken() -> None:
    books, first, other = Books(), Generation(), Generation()
    books.open(1, first.handed_over())
    first.worker(10, 5)
    books.open(1, other.handed_over())
    assert accepted(books.counted(books.readings())) == 5


def purges(generation: Generation) -> list[tuple[int, bytes]]:
    """Kind and text of each."""
    desk = generation.board.purges()
    (asked,) = PURGE_COUNTS.unpack_from(desk)[:1]
    places = [PURGE.unpack_from(desk, PURGES_HEAD + number * PURGE_SIZE) for number in range(1, asked + 1)]
    return [(kind, text[:length]) for kind, length, text, _ in places]


def test_a_purge_reaches_all_generations_that_have_handed_over_a_board() -> None:
    books, first, second = Books(), Generation(), Generation()
    assert not books.purge("tag", "a")
    books = Books()
    books.open(1, first.handed_over())
    books.open(2, second.handed_over())
    assert books.purge("tag", "a")
    assert purges(first) == purges(second) == [(PURGE_KINDS.index("tag") + 1, b"a")]


def test_a_generation_that_hands_over_its_board_behind_a_purge_starts_anew() -> None:
    books, first, second, third = Books(), Generation(), Generation(), Generation()
    books.open(1, first.handed_over())
    books.purge("tag", "a")
    books.open(2, second.handed_over())
    books.open(3, third.handed_over())
    assert [kind for kind, _ in purges(second)] == [PURGE_KINDS.index("all") + 1]
    assert purges(third) == []
