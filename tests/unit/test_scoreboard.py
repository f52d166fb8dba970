"""What the master reads of a worker, and how it says that in the log. test_worker_watch has the rest."""

import struct

import pytest

from rhebok.scoreboard import Score, Scoreboard


def score(busy: int, sending: int, unsent: int) -> Score:
    """Read from the bytes that csrc/scoreboard.h describes."""
    board = Scoreboard(2)
    memory = board.view(board.take())
    memory[:40] = struct.pack("=QQIII4xQ", 0, 7, busy, sending, 5, unsent)
    memory[64:69] = b"GET /"
    return board.read(0)


def test_each_field_is_read_from_its_place():
    assert score(1, 2, 3) == Score(None, 7, True, 2, 3, b"GET /")


@pytest.mark.parametrize(
    ("busy", "sending", "unsent", "said"),
    [
        (0, 0, 0, ""),
        (1, 0, 0, "GET /"),
        (0, 1, 1536, "1 response on the way (1.5 KiB in memory)"),
        (1, 3, 24 * 2**20, "GET / and 3 responses on the way (24.0 MiB in memory)"),
    ],
)
def test_what_a_worker_is_at_names_what_waiting_responses_hold(busy, sending, unsent, said):
    assert score(busy, sending, unsent).doing == said
