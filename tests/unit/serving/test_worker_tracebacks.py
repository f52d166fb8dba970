"""Tracebacks that a worker does not pass on are passed on by its master."""

import io
import os
import signal
from collections.abc import Iterator

import pytest

from rhebok.serving import worker_tracebacks
from rhebok.serving.worker_tracebacks import PATIENCE, TracebackFile, WorkerTracebacks

WRITTEN = 'Thread 0x1 (most recent call first):\n  File "/srv/app.py", line 5 in application\n'


class Master:
    """One whose only worker is this process; time passes only by `now`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = io.StringIO()
        self.tracebacks = WorkerTracebacks(self.stream, lambda: self.now)
        self.file = self.tracebacks.before_fork()
        self.tracebacks.forked(self.file, os.getpid())

    def writes(self) -> None:
        os.write(self.file.fd, WRITTEN.encode())

    def looks(self, seconds: float = 0) -> str:
        self.now += seconds
        self.tracebacks.look()
        return self.stream.getvalue()


@pytest.fixture
def master() -> Master:
    return Master()


@pytest.fixture
def asked() -> Iterator[list[int]]:
    """An item for each USR2."""
    received: list[int] = []
    previous = signal.signal(signal.SIGUSR2, lambda number, _frame: received.append(number))
    yield received
    signal.signal(signal.SIGUSR2, previous)


def test_what_a_worker_leaves_is_in_the_log_after_a_moment(master: Master, asked: list[int]) -> None:
    master.tracebacks.ask(os.getpid())
    assert len(asked) == 1
    assert master.tracebacks.next_at() == master.now + PATIENCE
    master.writes()
    assert master.looks() == ""
    assert master.looks(PATIENCE) == WRITTEN
    assert master.tracebacks.next_at() == float("inf")
    assert master.looks(PATIENCE) == WRITTEN, "once"


def test_also_when_somebody_else_has_asked(master: Master) -> None:
    master.writes()
    assert master.looks() == ""
    assert master.tracebacks.next_at() == master.now + PATIENCE
    assert master.looks(PATIENCE) == WRITTEN
    master.writes()
    assert master.looks() == WRITTEN
    assert master.looks(PATIENCE) == WRITTEN * 2


def test_what_the_worker_has_passed_on_is_not_repeated(master: Master) -> None:
    master.writes()
    master.looks()
    master.file.pass_on()
    assert master.looks(PATIENCE) == WRITTEN
    assert master.tracebacks.next_at() == float("inf")


def test_what_a_dead_worker_has_left_is_in_the_log(master: Master) -> None:
    master.writes()
    master.tracebacks.reaped(os.getpid())
    assert master.stream.getvalue() == WRITTEN
    master.tracebacks.reaped(os.getpid())


def test_a_worker_that_has_gone_is_asked_in_vain(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_pid: int, _number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(worker_tracebacks, "kill", gone)
    master.tracebacks.ask(os.getpid())


def test_a_failed_fork_leaves_no_file(master: Master) -> None:
    before = list(master.tracebacks.descriptors)
    file = master.tracebacks.before_fork()
    assert master.tracebacks.descriptors == [*before, file.fd]
    (descriptor,) = file.own
    master.tracebacks.forget(file)
    assert master.tracebacks.descriptors == before
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_a_worker_closes_the_files_that_the_master_has_now(master: Master) -> None:
    assert master.tracebacks.descriptors == master.file.own
    master.tracebacks.reaped(os.getpid())
    assert master.tracebacks.descriptors == []


def test_without_such_files_tracebacks_go_to_the_log_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    read_end, write_end = os.pipe()
    with open(read_end), open(write_end, "w") as stream:
        file = TracebackFile(stream)
        assert file.fd == write_end
        assert file.is_empty()
        file.pass_on()
        file.close()
