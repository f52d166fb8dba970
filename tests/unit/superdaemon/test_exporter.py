"""The metrics process as its supervisor has it: what it asks, and what follows when it ends."""

import os
import select
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from socket import socket as Socket

import pytest

from rhebok.listening.listeners import BindOptions, bind_all, close_all
from rhebok.process.child_processes import children
from rhebok.process.identity import UNCHANGED
from rhebok.superdaemon import exporter as module
from rhebok.superdaemon.exporter import Exporter


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def _note(self, text: str, *arguments: object) -> None:
        self.lines.append(text % arguments)

    debug = info = warning = error = _note

    def setLevel(self, level: object) -> None: ...


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def exporter(tmp_path: Path, log: Log) -> Iterator[Exporter]:
    made = Exporter(bind_all([f"unix:{tmp_path}/m"], BindOptions(8)), "metrics", UNCHANGED, log, "m")
    made.answers(lambda question: b"to " + question)
    yield made
    made.close()


def serving(monkeypatch: pytest.MonkeyPatch, serve: object) -> None:
    service = pytest.importorskip("rhebok.metrics.service")
    monkeypatch.setattr(service, "serve", serve)


def look_when_asked(exporter: Exporter) -> None:
    """Not when an earlier look has seen the end of the process."""
    if asked := list(exporter.descriptors()):
        select.select(asked, [], [], 30)
        exporter.look()


def test_a_question_is_answered(exporter: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def serve(_listeners: object, link: Socket) -> None:
        link.send(b"state")
        (tmp_path / "answer").write_bytes(link.recv(100))

    serving(monkeypatch, serve)
    exporter.start()
    look_when_asked(exporter)
    look_when_asked(exporter)  # its end
    assert (tmp_path / "answer").read_bytes() == b"to state"


def test_many_questions_are_answered_one_in_each_turn(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the supervisor does its own work between them."""

    def serve(_listeners: object, link: Socket) -> None:
        for _ in range(5):
            link.send(b"state")
        link.recv(100)
        link.setblocking(False)
        with pytest.raises(BlockingIOError):
            link.recv(100)
        raise RuntimeError("one answer")

    serving(monkeypatch, serve)
    answered = []
    exporter.answers(lambda question: answered.append(question) or b"x")  # type: ignore[func-returns-value]
    exporter.start()
    look_when_asked(exporter)
    assert answered == [b"state"]


def test_why_it_has_ended_is_logged_and_the_next_start_waits_longer(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def serve(*_: object) -> None:
        raise RuntimeError("no room")

    serving(monkeypatch, serve)
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    pauses = []
    for _ in range(7):
        exporter.look()
        look_when_asked(exporter)
        assert log.lines[-1].endswith("has ended: RuntimeError: no room")
        assert list(exporter.descriptors()) == []
        pauses.append(exporter.next_at() - now[0])
        exporter.look()
        assert list(exporter.descriptors()) == [], "too early"
        now[0] = exporter.next_at()
    assert pauses == [2, 4, 8, 16, 30, 30, 30]


def test_one_that_has_lived_is_started_again_soon(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(monkeypatch, lambda *_: None)
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    exporter.start()
    now[0] += 60
    look_when_asked(exporter)
    assert exporter.next_at() == now[0] + module.PAUSE


def test_a_fork_that_fails_is_tried_again(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fork", fork)
        exporter.look()
    assert "cannot be forked" in log.lines[-1]
    assert exporter.next_at() < float("inf")


@pytest.fixture
def of_generation(tmp_path: Path, log: Log) -> Iterator[Exporter]:
    """Under another superdaemon: it binds itself."""
    bind = partial(bind_all, [f"unix:{tmp_path}/m"], BindOptions(8))
    made = Exporter((), "metrics", UNCHANGED, log, "m", bind)
    yield made
    made.close()


def test_of_a_generation_it_waits_until_the_former_one_has_left_the_address(
    of_generation: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: Log
) -> None:
    former = bind_all([f"unix:{tmp_path}/m"], BindOptions(8))

    def serve(listeners: list[Socket], link: Socket) -> None:
        link.send(b"failed: " + str(len(listeners)).encode())

    serving(monkeypatch, serve)
    of_generation.start()
    look_when_asked(of_generation)
    assert log.lines[-1].startswith("no metrics yet: ")
    assert list(of_generation.descriptors()), "it waits"
    close_all(former)
    look_when_asked(of_generation)
    assert log.lines[-1].endswith("has ended: 1")


def test_of_a_generation_it_is_not_started_again(
    of_generation: Exporter, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    serving(monkeypatch, lambda *_: None)
    of_generation.start()
    look_when_asked(of_generation)
    assert "has ended" in log.lines[-1]
    assert of_generation.next_at() == float("inf")


def test_of_a_generation_a_fork_that_fails_is_not_tried_again(
    of_generation: Exporter, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    of_generation.start()
    assert "cannot be forked" in log.lines[-1]
    assert of_generation.next_at() == float("inf")


def test_one_that_waits_for_the_address_ends_with_its_master(
    of_generation: Exporter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    former = bind_all([f"unix:{tmp_path}/m"], BindOptions(8))
    serving(monkeypatch, lambda *_: os._exit(70))
    before = children()
    of_generation.start()
    look_when_asked(of_generation)
    of_generation.close()
    assert children() == before
    close_all(former)


def test_its_end_is_waited_for(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(_listeners: object, link: Socket) -> None:
        link.recv(100)  # until the supervisor closes

    serving(monkeypatch, serve)
    before = children()
    exporter.look()
    assert len(children()) == len(before) + 1
    exporter.close()
    assert children() == before


def test_one_that_does_not_end_is_killed(exporter: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_SECONDS", 0.1)

    def serve(*_: object) -> None:
        while True:
            select.select([], [], [])

    serving(monkeypatch, serve)
    before = children()
    exporter.look()
    assert len(children()) == len(before) + 1
    exporter.close()
    assert children() == before
