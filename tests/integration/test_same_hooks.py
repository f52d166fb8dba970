"""Files of gunicorn with hooks, under the real gunicorn and under rhebok: which hooks run in which process,
in which order, and what is in which file, is the same."""

import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.http_client import Client
from integration.noted_hooks import wrapper
from integration.processes import descendants
from integration.server import Process, command, free_port
from integration.waiting import until

pytest.importorskip("gunicorn")

CONFIGS = Path(__file__).with_name("gunicorn_configs")

APPLICATION = """
import time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise ValueError("of the application")
    if path == "/slow":
        time.sleep(60)
    body = environ.get("HTTP_X_NUMBER", "hello").encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""

MODELS = """
import os

class Engine:
    owner = None

    def dispose(self):
        self.owner = os.getpid()

    def owner_is_this_process(self):
        return self.owner == os.getpid()

engine = Engine()
"""


class Running:
    """A server of one of the two kinds, in a directory of its own."""

    def __init__(self, words: Sequence[str], directory: Path, config: str) -> None:
        directory.mkdir()
        (directory / "hello.py").write_text(APPLICATION)
        (directory / "models.py").write_text(MODELS)
        (directory / "prometheus").mkdir()
        self.directory = directory
        self.notes_path = directory / "notes"
        self.ready_path = directory / "ready"
        for path in (self.notes_path, self.ready_path):
            path.touch()
        conf = directory / "gunicorn.conf.py"
        conf.write_text(wrapper(CONFIGS / f"{config}.py", self.notes_path, self.ready_path))
        self.where = ("127.0.0.1", free_port())
        self.process = Process(
            [*words, "--bind", "{}:{}".format(*self.where), "hello:app"],
            directory,
            PROMETHEUS_MULTIPROC_DIR=str(directory / "prometheus"),
        )

    def notes(self) -> list[str]:
        return self.notes_path.read_text().splitlines()

    def wait(self, hook: str, count: int = 1) -> None:
        """Until the hook has run so often."""

        def enough() -> bool:
            return sum(note.endswith(f" {hook}") for note in self.notes()) >= count

        until(enough, lambda: f"{count} x {hook}: {self.notes()}\n{self.process.log}")

    def wait_for_ready(self, count: int) -> None:
        """Until so many workers have been initialized. Before that gunicorn loses signals to them."""
        until(lambda: self.ready_path.read_text().count("\n") >= count, lambda: self.process.log)

    def serves(self) -> None:
        def answers() -> bool:
            try:
                with Client(self.where) as client:
                    return client.get("/").status == 200
            except OSError:
                return False

        until(answers, lambda: self.process.log)
        if self.directory.name == "rhebok":  # before that its supervisor passes on no signal
            errors = self.directory / "error.log"
            until(lambda: re.search("generation 1.* serves", errors.read_text()), errors.read_text)

    def get(self, path: str) -> None:
        with Client(self.where) as client:
            try:
                client.get(path, Connection="close")
            except (OSError, EOFError):  # a worker that is aborted may not answer
                assert path == "/slow"

    def send(self, number: signal.Signals) -> None:
        self.process.send(number)

    def kill_worker(self) -> None:
        """The worker that is the youngest, which both servers have as a leaf."""
        os.kill(max(self.workers()), signal.SIGKILL)

    def workers(self) -> list[int]:
        pids = descendants(self.process.pid)
        return [pid for pid in pids if not descendants(pid)]

    def stop(self, number: signal.Signals) -> int:
        return self.process.stop(number)

    # What is compared

    def by_role(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for note in self.notes():
            role, _, hook = note.rpartition(" ")
            found.setdefault(role, []).append(hook)
        return found

    def marked_lines(self) -> dict[str, Counter[str]]:
        """Of each file, what hooks have written: without what is in front, and without pids."""
        found = {}
        for path in self.directory.iterdir():
            if path.suffix in (".log", ".output") or path.name == "app-initialized":
                name = "output" if path.suffix == ".output" else path.name
                lines = path.read_text().splitlines()
                kept = [line[line.index("hook:") :] for line in lines if "hook:" in line]
                if name == "access.log":
                    kept = lines
                found[name] = Counter(re.sub(r"\d{3,}", "PID", line) for line in kept)
        return found

    def live_gauges(self) -> int:
        return len(list((self.directory / "prometheus").glob("gauge_live*.db")))


Steps = Callable[[Running], object]


@dataclass(frozen=True)
class Case:
    """What is done with a server of this file, when it is there."""

    config: str
    steps: Steps = lambda server: None
    end: signal.Signals = signal.SIGTERM
    workers: int = 1
    in_one_order: bool = True  # of all processes together
    successor_first: bool = False  # rhebok forks it while the old worker ends


def _requests(server: Running) -> None:
    for path in ("/a?b=1", "/fails", "/c"):
        server.get(path)


def _lose_a_worker(server: Running) -> None:
    server.kill_worker()
    server.wait_for_ready(3)


def _more_and_fewer(server: Running) -> None:
    server.send(signal.SIGTTIN)
    server.wait_for_ready(2)
    server.send(signal.SIGTTOU)
    server.wait("child_exit")


def _too_slow(server: Running) -> None:
    server.get("/slow")
    server.wait_for_ready(2)
    server.wait("child_exit")


CASES = (
    Case("opentelemetry_setup", workers=2, in_one_order=False),
    Case("prometheus_gauges", _lose_a_worker, workers=2, in_one_order=False),
    Case("request_log", _requests),
    Case("ready_file"),
    Case("banner", workers=2),
    Case("dump_threads", end=signal.SIGQUIT, workers=2, in_one_order=False),
    Case("database_engine", workers=2, in_one_order=False),
    Case("scaling", _more_and_fewer),
    Case("push_metrics", _requests),
    Case("every_hook", _too_slow, in_one_order=False, successor_first=True),
)

KINDS = {
    "gunicorn": (sys.executable, "-m", "gunicorn", "--no-control-socket"),
    "rhebok": tuple(command()),
}


def _played(kind: str, case: Case, directory: Path) -> Running:
    server = Running(KINDS[kind], directory / kind, case.config)
    try:
        server.serves()
        server.wait_for_ready(case.workers)
        case.steps(server)
        status = server.stop(case.end)
        assert status == 0, server.process.log
    finally:
        server.process.end()
    return server


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.config)
def test_hooks_and_their_lines_are_those_of_gunicorn(case: Case, tmp_path: Path) -> None:
    theirs, ours = (_played(kind, case, tmp_path) for kind in ("gunicorn", "rhebok"))
    shown = json.dumps([theirs.notes(), ours.notes()], indent=1) + theirs.process.log + ours.process.log
    assert theirs.notes(), shown
    ours_by_role, theirs_by_role = ours.by_role(), theirs.by_role()
    if case.successor_first:
        assert sorted(ours_by_role.pop("master")) == sorted(theirs_by_role.pop("master")), shown
    assert ours_by_role == theirs_by_role, shown
    if case.in_one_order:
        assert ours.notes() == theirs.notes(), shown
    assert ours.marked_lines() == theirs.marked_lines(), shown
    assert ours.live_gauges() == theirs.live_gauges() == 0
