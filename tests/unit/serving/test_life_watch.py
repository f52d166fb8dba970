"""Workers that are held outside of requests, according to a scoreboard that the test writes."""

import logging
import os
import signal
import struct
from types import SimpleNamespace

import pytest

from rhebok.board.layout import SCORE_SIZE
from rhebok.prefork.callbacks import Verdict
from rhebok.process.stillness import LONGEST_STEP, SHORTEST_LIMIT
from rhebok.serving import life_watch
from rhebok.serving.life_watch import LifeWatch
from rhebok.serving.scoreboard import Scoreboard


class Watched:
    """A watch whose only worker is this process; time passes only by after()."""

    def __init__(self, timeout=30, threads=1, start_timeout=60, ready=True):
        self.now = 1000.0
        self.told = []
        self.log = []
        logger = logging.Logger("life")
        handler = logging.Handler()
        handler.emit = lambda record: self.log.append(record.getMessage())
        logger.addHandler(handler)
        self.board = Scoreboard(threads, 4)
        settings = SimpleNamespace(timeout=timeout, start_timeout=start_timeout)
        notifier = SimpleNamespace(lives=self.told.append)
        self.watch = LifeWatch(settings, self.board, notifier, logger, lambda: self.now)
        self.slot = self.board.claim_slot()
        self.watch.forked(os.getpid(), self.slot)
        if ready:
            self.watch.ready(os.getpid())

    def writes(self, alive, busy=0, requests=0, thread=0):
        score = struct.pack("=QQIII4xQQ", 0, requests, busy, 0, 0, 0, alive)
        self.board.view(self.slot)[thread * SCORE_SIZE :][: len(score)] = score

    def main_runs(self, at):
        """The main thread, of a worker that has others for requests."""
        struct.pack_into("=Q", self.board.view(self.slot), 320 + 40, at)

    def after(self, seconds):
        """The first verdict in so many seconds."""
        until = self.now + seconds
        while self.now < until:
            self.now += 1
            if verdict := self.watch.verdicts().get(os.getpid()):
                return verdict
        return None


@pytest.fixture
def signals(monkeypatch):
    """What the worker, which is this process, is sent: USR2, and requests for its native stacks."""
    received = []
    previous = signal.signal(signal.SIGUSR2, lambda *_: received.append("USR2"))
    monkeypatch.setattr(life_watch.thread_stacks, "ask", lambda _pid: received.append("stacks"))
    yield received
    signal.signal(signal.SIGUSR2, previous)


def test_a_worker_that_looks_at_its_loop_stays():
    watched = Watched()
    for second in range(1, 100):
        watched.writes(alive=second)
        assert watched.after(1) is None
    assert watched.log == []
    assert set(watched.told) == {1}


def test_one_that_is_held_shows_its_threads_and_is_killed(signals):
    watched = Watched()
    watched.writes(alive=1)
    assert watched.after(30) is None
    assert signals == []
    assert watched.after(LONGEST_STEP) is None
    assert signals == ["USR2"]
    assert watched.after(LONGEST_STEP) is None
    assert signals == ["USR2", "stacks"]
    assert watched.after(LONGEST_STEP) is Verdict.KILL
    assert "has been held outside of any request for 30 s" in watched.log[0]
    assert "killed and replaced" in watched.log[1]
    assert watched.after(100) is None
    assert watched.told[-1] == 0


def test_one_that_goes_on_is_replaced_gracefully(signals):
    watched = Watched()
    watched.writes(alive=1)
    watched.after(33)
    watched.writes(alive=2)
    assert watched.after(LONGEST_STEP) is Verdict.REPLACE
    assert watched.after(20) is None


@pytest.mark.parametrize("threads", [1, 2])
def test_a_request_is_not_judged_here(threads):
    watched = Watched(threads=threads)
    watched.writes(alive=1, busy=1, thread=threads - 1)
    assert watched.after(1000) is None
    assert watched.told[-1] == 1


def test_while_the_main_thread_runs_requests_may_take_all_threads_for_ever():
    watched = Watched(threads=2)
    for second in range(1, 1000):
        watched.main_runs(at=second)
        watched.writes(alive=1, busy=1)
        watched.writes(alive=1, busy=1, thread=1)
        assert watched.after(1) is None
    assert watched.log == []
    assert watched.told[-1] == 1


def test_a_worker_that_a_request_in_c_holds_is_killed_and_the_request_is_named(signals):
    watched = Watched(threads=2)
    watched.main_runs(at=1)
    watched.writes(alive=1, busy=1)
    watched.writes(alive=1, thread=1)
    assert watched.after(30) is None
    assert signals == []
    assert watched.after(3 * LONGEST_STEP) is Verdict.KILL
    assert signals == ["USR2", "stacks"]
    assert "has been held for 30 s (--timeout)" in watched.log[0]


def test_a_loop_that_is_stuck_is_noticed_beside_a_request_and_a_main_thread_that_runs(signals):
    watched = Watched(threads=2)
    for second in range(1, 34):
        watched.main_runs(at=second)
        watched.writes(alive=1, busy=1)
        watched.writes(alive=1, thread=1)
        watched.after(1)
    assert signals == ["USR2"]


def test_requests_between_the_looks_are_signs_of_life():
    """Many requests are served between two looks at epoll, and the master may see the moment between two."""
    watched = Watched()
    for number in range(100):
        watched.writes(alive=1, requests=number)
        assert watched.after(1) is None


@pytest.mark.parametrize("timeout", [0, 30, 200])
def test_a_worker_that_does_not_get_ready_shows_its_threads_and_is_killed(signals, timeout):
    watched = Watched(ready=False, timeout=timeout)
    assert watched.after(60) is None
    assert signals == []
    assert watched.after(2 * LONGEST_STEP) is None
    assert signals == ["USR2", "stacks"]
    assert watched.after(LONGEST_STEP) is Verdict.KILL
    assert "was not ready within 60 s (--start-timeout)" in watched.log[0]
    assert "is still not ready: killed" in watched.log[1]
    assert watched.after(100) is None
    assert watched.told[-1] == 0


def test_a_worker_that_gets_ready_late_stays(signals):
    """Otherwise an application that takes as long each time would never serve."""
    watched = Watched(ready=False)
    watched.after(60 + LONGEST_STEP)
    assert signals == ["USR2"]
    watched.watch.ready(os.getpid())
    for second in range(1, 100):
        watched.writes(alive=second)
        assert watched.after(1) is None
    assert "got ready all the same" in watched.log[-1]


def test_without_a_start_timeout_a_worker_may_load_for_ever(signals):
    watched = Watched(ready=False, start_timeout=0)
    assert watched.after(10000) is None
    assert signals == []


def test_a_worker_that_has_left_its_loop_is_not_judged():
    watched = Watched()
    assert watched.after(1000) is None
    assert watched.told[-1] == 0


def test_with_timeout_0_a_debugger_may_stop_it():
    watched = Watched(timeout=0)
    watched.writes(alive=1)
    assert watched.after(1000) is None
    assert watched.told[-1] == 0


def test_a_short_timeout_is_not_taken_literally(signals):
    watched = Watched(timeout=0.1)
    watched.writes(alive=1)
    assert watched.after(SHORTEST_LIMIT) is None
    assert signals == []
    watched.after(1)
    assert signals == ["USR2"]


def test_time_in_which_the_master_itself_was_stopped_does_not_count(signals):
    watched = Watched()
    watched.writes(alive=1)
    watched.after(1)
    watched.now += 3600
    assert watched.after(1) is None
    assert signals == []


def test_a_worker_that_has_ended_is_forgotten():
    watched = Watched()
    watched.watch.reaped(os.getpid())
    assert watched.after(1000) is None
