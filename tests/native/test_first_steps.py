"""What a worker does first, in a child that is forked for each test."""

import atexit
import os
import signal
from collections.abc import Callable

import pytest

from rhebok.native import thread_stacks
from rhebok.native.first_steps import FirstSteps
from rhebok.process.exit_handlers import ParentsHandlers
from rhebok.process.title import placed_title


def first_steps(closed: list[int], title: tuple[int, bytes] = (0, b"")) -> FirstSteps:
    def note(number: int, _frame: object) -> None:
        os.write(1, b"")

    handlers = ((int(signal.SIGTERM), note), (int(signal.SIGUSR2), note))
    return FirstSteps(
        handlers,
        closed,
        ParentsHandlers(),
        title,
        traceback_fd=2,
        log_fd=2,
        stop=signal.SIGTERM,
        traceback=int(signal.SIGUSR2),
        master=os.getpid(),
        life=1.0,
    )


def in_child(check: Callable[[], bool]) -> bool:
    """What check() says there."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitpid(pid, 0)[1] == 0


@pytest.fixture(autouse=True)
def _prepared() -> None:
    thread_stacks.prepare()


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_descriptors_of_others_are_closed_and_forgotten() -> None:
    """A process that the application forks there later has other files by these numbers."""
    with open(os.devnull) as one, open(os.devnull) as two:
        closed = [one.fileno(), 2]
        steps = first_steps(closed)
        closed.append(two.fileno())
        pipe = os.pipe()

        def check() -> bool:
            read_end = steps.take(pipe)
            left = [
                each for each in (one.fileno(), two.fileno(), *pipe) if is_open(each) and each != read_end
            ]
            return len(left) <= 1 and closed == [] and is_open(2)  # the new pipe has taken two of the numbers

        assert in_child(check)
        assert closed == [one.fileno(), 2, two.fileno()]
        for descriptor in pipe:
            os.close(descriptor)


def test_a_signal_makes_the_pipe_readable_and_calls_its_handler() -> None:
    steps, pipe = first_steps([]), os.pipe()

    def check() -> bool:
        read_end = steps.take(pipe)
        os.kill(os.getpid(), signal.SIGTERM)
        return os.read(read_end, 9) == bytes([signal.SIGTERM])

    assert in_child(check)


def test_exit_handlers_stay_with_the_parent_also_those_that_the_fork_registers() -> None:
    noted: list[str] = []
    atexit.register(noted.append, "parent")
    steps, pipe = first_steps([]), os.pipe()

    def registered(by_the_fork: bool) -> bool:
        if by_the_fork:
            atexit.register(noted.append, "fork")
        steps.take(pipe)
        atexit.register(noted.append, "own")
        atexit._run_exitfuncs()
        return noted == ["own"]

    try:
        assert in_child(lambda: registered(by_the_fork=False))
        assert in_child(lambda: registered(by_the_fork=True))
    finally:
        atexit.unregister(noted.append)


def test_the_title_is_set_where_the_parent_has_found_its_place() -> None:
    title = placed_title("rhebok: a worker")
    if not title[1]:
        pytest.skip("setproctitle has another way, or something else has the command line")
    steps, pipe = first_steps([], title), os.pipe()

    def check() -> bool:
        steps.take(pipe)
        with open("/proc/self/cmdline", "rb") as file:
            return file.read().rstrip(b"\0") == b"rhebok: a worker"

    assert in_child(check)


def test_who_is_no_child_of_the_master_any_more_gets_the_signal() -> None:
    steps, pipe = first_steps([]), os.pipe()

    def check() -> bool:
        middle = os.fork()
        if middle:
            return os.waitpid(middle, 0)[1] == 0
        called: list[int] = []
        read_end = steps.take(pipe)  # its parent is not the master
        signal.signal(signal.SIGTERM, lambda number, _frame: called.append(number))
        os._exit(0 if os.read(read_end, 9) == bytes([signal.SIGTERM]) else 1)

    assert in_child(check)
