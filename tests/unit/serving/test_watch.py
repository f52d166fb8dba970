"""Which workers to stop, according to a scoreboard that the test writes."""

import logging
import math
import os
import signal
import struct
from types import SimpleNamespace

import pytest

from rhebok.board.layout import SCORE_SIZE
from rhebok.prefork.callbacks import Verdict
from rhebok.serving.scoreboard import Scoreboard
from rhebok.serving.watch import INTERRUPT_SECONDS, MEMORY_INTERVAL, WorkerWatch, resident_bytes

SETTINGS = {
    "threads": 1,
    "timeout": 30,
    "request_timeout": 0,
    "max_worker_memory": 0,
    "max_worker_lifetime": 0,
    "max_worker_lifetime_jitter": 0,
}


class Watched:
    """A watch whose only worker is this process."""

    def __init__(self, **settings):
        self.now = 1000.0
        chosen = SimpleNamespace(**{**SETTINGS, **settings})
        self.board = Scoreboard(chosen.threads, 4)
        self.log = []
        logger = logging.Logger("watch")
        handler = logging.Handler()
        handler.emit = lambda record: self.log.append(record.getMessage())
        logger.addHandler(handler)
        self.watch = WorkerWatch(chosen, self.board, logger, lambda: self.now)
        self.slot = self.board.claim_slot()
        self.watch.forked(os.getpid(), self.slot)

    def begins(self, number, deadline, line=b"GET /x", thread=0):
        head = struct.pack("=QQIII", int(deadline * 1e9), number, 1, 0, len(line))
        score = self.board.view(self.slot)[thread * SCORE_SIZE :]
        score[: len(head)] = head
        score[64 : 64 + len(line)] = line

    def verdict(self):
        return self.watch.verdicts().get(os.getpid())


@pytest.fixture
def interrupts():
    """An item for each USR2 that the worker, which is this process, has got."""
    received = []
    previous = signal.signal(signal.SIGUSR2, lambda *_: received.append(1))
    yield received
    signal.signal(signal.SIGUSR2, previous)


def test_an_idle_worker_stays():
    assert Watched().verdict() is None


def test_a_request_within_its_time_stays():
    watched = Watched()
    watched.begins(1, deadline=1000.5)
    assert watched.verdict() is None
    assert watched.watch.next_at() == pytest.approx(1000.5)


def test_a_late_request_is_interrupted_once_and_named(interrupts):
    watched = Watched()
    watched.begins(1, deadline=999, line=b"GET /slow\xff")
    assert watched.verdict() is Verdict.STOP
    assert watched.verdict() is None
    assert interrupts == [1]
    assert r"has not answered GET /slow\xff within 30 s (--timeout)" in watched.log[0]


def test_a_worker_whose_request_was_not_interrupted_in_time_is_killed(interrupts):
    watched = Watched()
    watched.begins(1, deadline=999)
    watched.verdict()
    assert watched.watch.next_at() == 1000 + INTERRUPT_SECONDS
    watched.now += INTERRUPT_SECONDS
    assert watched.verdict() is Verdict.KILL
    assert watched.verdict() is None
    assert interrupts == [1]


def test_with_several_threads_each_late_request_is_interrupted_and_the_worker_is_not_killed(interrupts):
    watched = Watched(threads=3, request_timeout=20)
    watched.begins(1, deadline=999, thread=1)
    assert watched.verdict() is Verdict.STOP
    watched.begins(7, deadline=1001, line=b"GET /later", thread=2)
    assert watched.verdict() is None
    assert watched.watch.next_at() == 1001
    watched.now += INTERRUPT_SECONDS
    assert watched.verdict() is Verdict.STOP
    watched.now += INTERRUPT_SECONDS
    assert watched.verdict() is None
    assert interrupts == [1, 1]
    assert "GET /later within 20 s (--request-timeout)" in watched.log[1]


def test_a_late_request_that_has_gone_on_is_late_anew_and_not_killed_at_once(interrupts):
    """Its block came in the moment between the verdict and the interruption."""
    watched = Watched()
    watched.begins(1, deadline=999)
    assert watched.verdict() is Verdict.STOP
    watched.begins(1, deadline=1030)
    watched.now = 1030
    assert watched.verdict() is Verdict.STOP
    assert interrupts == [1, 1]
    watched.now += INTERRUPT_SECONDS
    assert watched.verdict() is Verdict.KILL


def test_a_worker_whose_request_has_ended_is_not_killed(interrupts):
    watched = Watched()
    watched.begins(1, deadline=999)
    watched.verdict()
    watched.begins(1, deadline=0)
    watched.now += INTERRUPT_SECONDS
    assert watched.verdict() is None
    assert interrupts


def test_without_limits_no_verdict_is_due():
    assert Watched(timeout=0).watch.next_at() == math.inf


def test_with_several_threads_the_timeout_is_not_about_requests():
    assert Watched(threads=2).watch.next_at() == math.inf


def test_with_a_timeout_an_idle_worker_is_checked_when_its_next_request_could_be_late():
    assert Watched().watch.next_at() == 1030


def test_a_worker_that_has_grown_is_replaced_once():
    watched = Watched(max_worker_memory=1 << 20)
    assert watched.verdict() is Verdict.REPLACE
    watched.now += MEMORY_INTERVAL
    assert watched.verdict() is None
    assert "has grown to" in watched.log[0]


def test_a_worker_within_its_memory_stays_and_is_checked_again():
    watched = Watched(max_worker_memory=1 << 60, timeout=0)
    assert watched.verdict() is None
    assert watched.watch.next_at() == 1000 + MEMORY_INTERVAL


def test_a_worker_at_its_lifetime_is_replaced():
    watched = Watched(max_worker_lifetime=60, timeout=0)
    assert watched.watch.next_at() == 1060
    assert watched.verdict() is None
    watched.now = 1060
    assert watched.verdict() is Verdict.REPLACE


def test_the_jitter_is_added_to_the_lifetime():
    moments = {
        Watched(max_worker_lifetime=60, max_worker_lifetime_jitter=30, timeout=0).watch.next_at()
        for _ in range(9)
    }
    assert len(moments) > 1
    assert all(1060 <= moment <= 1090 for moment in moments)


def test_the_current_requests_of_a_worker_are_described():
    watched = Watched()
    watched.begins(1, deadline=2000)
    assert watched.watch.current_requests(os.getpid()) == "GET /x"
    assert watched.watch.current_requests(1) == ""


def test_the_slot_of_a_worker_that_has_ended_is_free_and_is_cleared_for_the_next():
    watched = Watched()
    watched.begins(3, deadline=2000)
    watched.watch.reaped(os.getpid())
    assert watched.board.claim_slot() == watched.slot
    assert watched.board.read(watched.slot)[0].requests == 0


def test_a_process_that_does_not_exist_has_no_memory():
    assert resident_bytes(2**22 + 1) == 0
    assert resident_bytes(os.getpid()) > 1 << 20
