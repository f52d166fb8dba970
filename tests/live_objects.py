"""A pytest plugin for the debug build: fails the test whose workers left native objects alive.

`make debug-test` and .ci/newest load it (`-p tests.live_objects`). Each worker that drains appends a line to
the report (rhebok/serving/live_objects.py); a run of several tests in which none did has checked nothing, and
fails too.
"""

import ctypes
import json
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from rhebok.native import exchange, lane, worker
from rhebok.native.worker import live_objects
from rhebok.serving.live_objects import REPORT_VARIABLE


class Report:
    """The file, read on from where it was last read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.workers = 0

    def what_is_left(self) -> list[str]:
        """The new lines of workers that left something."""
        with self._path.open() as report:
            report.seek(self._read)
            lines = report.readlines()
            self._read = report.tell()
        self.workers += len(lines)
        return [line.strip() for line in lines if any(json.loads(line)["alive"].values())]


class Plugin:
    def __init__(self, report: Report) -> None:
        self._report = report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        yield
        left = self._report.what_is_left()
        if left:
            pytest.fail("workers left objects alive:\n" + "\n".join(left), pytrace=False)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        left = self._report.what_is_left()
        checked = self._report.workers or session.testscollected == 1
        if session.exitstatus == 0 and (left or not checked):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"live objects: counted at the end of {self._report.workers} workers")


def _places_of_counts() -> set[int]:
    """The addresses of the counts, as the modules see them. Each module has a copy of csrc."""
    files = [module.__file__ for module in (worker, lane, exchange)]
    counts = [ctypes.c_long.in_dll(ctypes.CDLL(file), "rhb_live_counts") for file in files]
    return {ctypes.addressof(count) for count in counts}


def pytest_configure(config: pytest.Config) -> None:
    if max(live_objects().values()) < 0:
        raise pytest.UsageError("tests.live_objects needs a build with RHEBOK_DEBUG=1")
    if len(_places_of_counts()) > 1:
        raise pytest.UsageError("each module counts its live objects apart, so nothing is known of any")
    descriptor, path = tempfile.mkstemp(prefix="live-objects-")
    os.fchmod(descriptor, 0o666)  # workers of other users write to it too
    os.close(descriptor)
    os.environ[REPORT_VARIABLE] = path
    config.add_cleanup(lambda: Path(path).unlink())
    config.pluginmanager.register(Plugin(Report(Path(path))))
