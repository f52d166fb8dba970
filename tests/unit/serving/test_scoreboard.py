"""The scoreboard: its slots, what the master reads of a worker, and how the log says that."""

import os
import struct
from contextlib import suppress

import pytest

from rhebok.board.layout import SCORE_SIZE
from rhebok.native.worker import score_size
from rhebok.serving.scoreboard import Score, Scoreboard, describe_requests


def scores(*threads: tuple[int, int, int]) -> list[Score]:
    """The scores of the threads of one worker, read from the layout of csrc/loop/scoreboard.h."""
    board = Scoreboard(len(threads), capacity=2)
    memory = board.view(board.claim_slot())
    for number, (busy, sending, unsent) in enumerate(threads):
        at = number * SCORE_SIZE
        memory[at : at + 40] = struct.pack("=QQIII4xQ", 0, 7, busy, sending % 2**32, 5, unsent % 2**64)
        memory[at + 64 : at + 69] = b"GET /"
    return board.read(0)


def test_the_slot_is_as_large_as_in_c():
    assert score_size() == SCORE_SIZE


def test_each_field_is_read_from_its_place():
    assert scores((1, 2, 3)) == [Score(None, 7, True, 2, 3, b"GET /")]


@pytest.mark.parametrize(
    ("threads", "described"),
    [
        ([(0, 0, 0)], ""),
        ([(1, 0, 0)], "GET /"),
        ([(0, 1, 1536)], "1 response on the way (1.5 KiB in memory)"),
        ([(1, 3, 24 * 2**20)], "GET / and 3 responses on the way (24.0 MiB in memory)"),
        ([(1, 3, 4096), (1, -1, -1024)], "GET / and GET / and 2 responses on the way (3.0 KiB in memory)"),
    ],
)
def test_current_requests_are_described_with_the_memory_of_waiting_responses(threads, described):
    assert describe_requests(scores(*threads)) == described


def test_a_full_board_is_an_error():
    board = Scoreboard(capacity=1)
    board.claim_slot()
    with pytest.raises(OSError, match="1 workers"):
        board.claim_slot()


def test_a_child_writes_what_its_parent_reads():
    board = Scoreboard(capacity=2)
    slot = board.claim_slot()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            board.view(slot)[8] = 5
            board.note_generation_stops()
        os._exit(0)
    os.waitpid(child, 0)
    assert board.read(slot)[0].requests == 5
    assert board.generation_stops
