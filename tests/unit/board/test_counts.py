"""The counters of boards: their sums, and what their words mean."""

import struct

import pytest

from rhebok.board import counts
from rhebok.board.counts import Counts
from rhebok.board.histogram import middle
from rhebok.board.layout import BOARD_SIZE, CAUSES_AT, HEAD, HISTOGRAM_AT, HISTOGRAM_WORDS, Layout
from rhebok.native.worker import board_size


def board(**words: int) -> bytes:
    """A board with these words: w3=7 is the fourth."""
    found = [0] * (BOARD_SIZE // 8)
    for name, value in words.items():
        found[int(name[1:])] = value
    return struct.pack(f"={len(found)}Q", *found)


def test_a_board_is_as_large_as_in_c() -> None:
    assert board_size() == BOARD_SIZE


def test_what_stands_in_the_memory_does_not_overlap() -> None:
    layout = Layout(threads=3, capacity=7, boards=2)
    assert HEAD.size <= CAUSES_AT
    ends = [
        (layout.record_at(7), layout.scores_at),
        (layout.score_at(7), layout.boards_at),
        (layout.board_at(7), layout.past_at),
        (layout.past_at + BOARD_SIZE, layout.size),
    ]
    assert all(end <= begin for end, begin in ends)


def test_boards_are_added_word_by_word() -> None:
    both = board(w0=2**40, w48=5, w49=1) + board(w0=2**40, w48=2)
    added = Counts(counts.add_up(both))
    assert added.requests["GET"]["none"] == 2**41
    assert (added.accepted, added.bytes_in, added.bytes_out) == (7, 1, 0)


def test_a_sum_becomes_a_board_again() -> None:
    one = board(w1=3, w50=9)
    assert counts.as_bytes(counts.number(one)) == one


def test_requests_are_those_of_method_and_class() -> None:
    found = Counts(counts.number(board(w2=10, w4=3, w14=1, w47=2)))
    assert found.requests["GET"] == {"none": 0, "1xx": 0, "2xx": 10, "3xx": 0, "4xx": 3, "5xx": 0}
    assert found.requests["POST"]["2xx"] == 1
    assert found.by_class["5xx"] == 2
    assert found.count == 16


def test_prompt_requests_are_in_all_three_histograms() -> None:
    def word(histogram: int, bucket: int) -> str:
        return f"w{HISTOGRAM_AT + histogram * HISTOGRAM_WORDS + bucket}"

    found = Counts(counts.number(board(**{word(0, 9): 4, word(1, 50): 1, word(2, 9): 1, word(3, 51): 1})))
    assert found.queue.counts == {0: 4, 50: 1}
    assert found.application.counts == {9: 5}
    assert found.total.counts == {9: 4, 51: 1}
    assert found.total.seconds == pytest.approx(4 * middle(9) + middle(51))
