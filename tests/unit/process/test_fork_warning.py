"""Forks of ours do not warn, and cost nothing where Python would not warn either."""

import os
import sys
import threading
import warnings

import pytest

from rhebok.process.fork_warning import no_fork_warning


def fork() -> int:
    """The exit status of a child that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def test_a_process_of_one_thread_executes_nothing_of_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    if len(os.listdir("/proc/self/task")) > 1 and sys.version_info >= (3, 12):
        pytest.skip("this process has other threads")
    monkeypatch.setattr(warnings, "catch_warnings", None)
    with no_fork_warning():
        assert fork() == 0


def test_a_fork_beside_a_thread_does_not_warn() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with no_fork_warning():
                assert fork() == 0
    finally:
        end.set()
        thread.join()
