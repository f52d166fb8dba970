"""children and end_children: whose end, and how long it may take."""

import signal
import subprocess
import time

import pytest

from rhebok.process import child_processes
from rhebok.process.child_processes import children, end_children

PATIENCE = 30  # seconds, far more than an end takes


@pytest.fixture
def start():
    started = []

    def run(*command):
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        return started[-1]

    yield run
    for each in started:
        each.kill()
        each.wait()
        each.stdout.close()


def test_it_ends_its_children_but_those_that_are_spared(start):
    spared = start("sleep", "1000")
    before = children()
    assert spared.pid in before
    ended = start("sleep", "1000")
    end_children(PATIENCE, before)
    assert spared.poll() is None
    assert ended.pid not in children()


def test_what_ignores_term_is_killed(start):
    before = children()
    stubborn = start("sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done")
    stubborn.stdout.readline()
    end_children(0.05, before)
    assert stubborn.pid not in children()


def test_nobody_waits_for_ever_for_a_child_of_another_user(start, monkeypatch):
    before = children()
    foreign = start("sleep", "1000")

    def kill(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(child_processes, "kill", kill)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)  # ends a test that waits
    began = time.monotonic()
    end_children(0.05, before)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert time.monotonic() - began < PATIENCE
    assert foreign.poll() is None
