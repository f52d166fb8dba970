"""The thread that is not there while the process forks."""

import os
import threading

import pytest

from rhebok.native.at_fork import after_fork
from rhebok.process.pausable_thread import PausableThread
from unit.conditions import until

# Of forks with threads: here the threads are those of the tests, or are held up.
threads_are_expected = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Steps:
    """Steps that wait until they are woken."""

    def __init__(self):
        self.woken = threading.Event()
        self.count = 0
        self.hold = threading.Event()
        self.hold.set()
        self.fork_in = False
        self.status = None

    def step(self):
        self.woken.wait(30)
        self.woken.clear()
        self.hold.wait(30)
        if self.fork_in:
            self.fork_in = False
            self.status = status_of_child(lambda: 3)
        self.count += 1


def status_of_child(ask) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(ask())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def steps():
    made = Steps()
    made.thread = PausableThread(made.step, made.woken.set, after_fork)
    made.thread.start()
    until(lambda: made.thread._ident)
    yield made
    made.hold.set()
    made.thread._ends = True
    made.woken.set()
    until(lambda: not made.thread._alive.locked())
    made.thread._is_copy = True  # its callbacks stay


def runs(steps) -> bool:
    before = steps.count
    steps.woken.set()
    return until(lambda: steps.count > before)


def test_it_is_not_there_while_the_process_forks_and_goes_on_after_it(steps):
    thread = steps.thread
    assert status_of_child(lambda: int(thread._alive.locked())) == 0
    assert runs(steps)
    assert status_of_child(lambda: int(thread._alive.locked())) == 0
    assert runs(steps)


def test_it_is_there_again_only_when_the_fork_has_returned(steps):
    """Python counts threads after its callbacks, the last of which may be any."""
    seen = []
    os.register_at_fork(after_in_parent=lambda: seen.append(steps.thread._alive.locked()))
    for _ in range(3):
        assert status_of_child(lambda: 0) == 0
    assert seen == [False, False, False]
    assert steps.thread._alive.locked()


@threads_are_expected
def test_a_thread_that_is_held_up_holds_up_no_fork_and_goes_on(steps):
    steps.hold.clear()
    steps.woken.set()
    until(lambda: not steps.woken.is_set())
    assert status_of_child(lambda: int(steps.thread._alive.locked())) == 1
    steps.hold.set()
    assert runs(steps)


@threads_are_expected
def test_it_may_fork_itself(steps):
    steps.fork_in = True
    assert runs(steps)
    assert steps.status == 3
    assert runs(steps)


def test_the_child_of_a_fork_may_fork(steps):
    assert status_of_child(lambda: status_of_child(lambda: 5)) == 5


@threads_are_expected
def test_many_threads_may_fork_at_a_time(steps):
    found = []
    forking = [
        threading.Thread(target=lambda: found.extend(status_of_child(lambda: 7) for _ in range(5)))
        for _ in range(4)
    ]
    for each in forking:
        each.start()
    for each in forking:
        each.join(30)
    assert found == [7] * 20
    assert runs(steps)
