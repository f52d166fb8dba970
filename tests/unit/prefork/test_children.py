"""The fork of a child."""

import os
import threading
import warnings
from contextlib import suppress

import pytest

from rhebok.prefork import children


def test_where_warnings_are_errors_a_thread_of_the_application_forgets_no_child() -> None:
    """Python 3.15 would raise after the fork."""
    forked: children.Forked = []
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            children.fork_all([lambda _report: 7], frozenset(), forked)
            assert warnings.filters[0][0] == "error"
    finally:
        end.set()
        thread.join()
    ((pid, report_fd),) = forked
    os.close(report_fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_children_that_are_forked_together_have_a_pipe_of_their_own_each_and_no_other() -> None:
    forked: children.Forked = []

    def run(report_fd: int) -> int:
        os.write(report_fd, b"%d" % len(pipes_of_this_process() - before))
        return 0

    before = pipes_of_this_process()
    children.fork_all([run] * 3, frozenset(), forked)
    for pid, _report_fd in forked:  # until each has closed the others' pipes
        os.waitpid(pid, 0)
    for _pid, report_fd in forked:
        assert os.read(report_fd, 9) == b"1"
        assert os.read(report_fd, 9) == b"", "somebody else has it too"
        os.close(report_fd)
    assert pipes_of_this_process() == before


def test_when_there_is_no_process_for_all_the_first_ones_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter([True, True, False])

    def fork() -> int:
        if next(calls):
            return os.fork()
        raise BlockingIOError(11, "no process")

    monkeypatch.setattr(children, "os_fork", fork)
    forked: children.Forked = []
    before = pipes_of_this_process()
    with pytest.raises(BlockingIOError):
        children.fork_all([lambda _report: 5, lambda _report: 6, lambda _report: 7], frozenset(), forked)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid, _ in forked]
    assert statuses == [5, 6]
    for _pid, report_fd in forked:
        os.close(report_fd)
    assert pipes_of_this_process() == before


def pipes_of_this_process() -> set[str]:
    """The descriptors of pipes, and which pipes these are."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the directory itself
            target = os.readlink(f"/proc/self/fd/{name}")
            if target.startswith("pipe:"):
                found.add(f"{name} {target}")
    return found
