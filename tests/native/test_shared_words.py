"""Memory that other threads write, read in words."""

import mmap

import pytest

from rhebok.native.shared_words import read_words

MEMORY = memoryview(mmap.mmap(-1, 4096))
MEMORY[:32] = bytes(range(32))


def test_a_part_is_copied():
    assert read_words(MEMORY, 8, 16) == bytes(range(8, 24))


def test_the_last_word_and_no_word():
    assert read_words(MEMORY, 4088, 8) == bytes(8)
    assert read_words(MEMORY, 4096, 0) == b""


@pytest.mark.parametrize(("at", "size"), [(4, 8), (0, 4), (4096, 8), (4088, 16), (8192, 8), (8, 2**64 - 8)])
def test_what_is_no_part_of_the_memory_or_no_word_is_refused(at, size):
    with pytest.raises(ValueError, match="are not words"):
        read_words(MEMORY, at, size)


def test_memory_that_is_only_read_is_refused():
    with pytest.raises(ValueError, match="writable"):
        read_words(memoryview(bytes(16)), 0, 8)
