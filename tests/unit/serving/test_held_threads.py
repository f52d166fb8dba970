"""Threads that wait until all of them exist."""

import threading

import pytest

from rhebok.native import held_threads
from rhebok.native.held_threads import HeldThreads
from unit.conditions import until


def names(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def test_they_run_once_they_are_released_and_their_ends_are_told() -> None:
    ran: list[int] = []
    fault = ValueError("two")

    def fail() -> None:
        raise fault

    threads = HeldThreads()
    threads.start(lambda: ran.append(1), "held-a1")
    threads.start(fail, "held-a2")
    assert ran == []
    assert len(names("held-a")) == 2
    threads.release()
    assert sorted(map(repr, threads.wait(lambda: None))) == sorted(["None", repr(fault)])
    assert ran == [1]


def test_while_they_run_the_waiting_thread_shows_again_and_again_that_it_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held_threads, "BETWEEN_SIGNS", 0.001)
    signs: list[int] = []
    enough = threading.Event()

    def show_life() -> None:
        signs.append(1)
        if len(signs) == 3:
            enough.set()

    threads = HeldThreads()
    threads.start(enough.wait, "held-c1")
    threads.release()
    assert threads.wait(show_life) == [None]
    assert len(signs) >= 3


def test_when_one_cannot_be_made_the_others_end_without_having_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    threads = HeldThreads()
    threads.start(lambda: ran.append(1), "held-b1")

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            threads.start(lambda: ran.append(2), "held-b2")
    until(lambda: not names("held-b"))
    assert ran == []
