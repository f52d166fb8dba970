"""What the log shows of an application that is late, hangs or fails: its frames, and none of ours."""

import os
import re
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGUSR2

import pytest

from integration.conftest import Serve
from integration.http_client import head
from integration.server import ROOT, Process, command
from integration.waiting import until
from rhebok.serving.many_loops import gil_is_off

# Keeps the interpreter's lock, however often a signal wakes it up, and makes a file when it has it.
HOLD = """
import collections, ctypes, itertools
def hold_the_lock():
    c = ctypes.PyDLL(None)
    note, hold = map(c.creat, [b"held"], [0o600]), map(c.usleep, itertools.repeat(10000))
    collections.deque(itertools.chain(note, hold), maxlen=0)
"""

SLOW = """
import os, time
HOLD

def held():
    hold_the_lock()

def inner():
    if os.path.exists("fast"):
        return
    for _ in range(100000):
        time.sleep(0.01)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/held":
        held()
    if environ["PATH_INFO"] == "/raise":
        try:
            start_response("no status", [])
        except Exception as error:
            raise LookupError("of the application") from error
    if environ["PATH_INFO"] == "/wrong":
        start_response("200 OK", [])
        return 7
    inner()
    start_response("200 OK", [("Content-Length", "0")])
    return []
""".replace("HOLD", HOLD)
OURS = rf'File "(?:{re.escape(str(ROOT))}/)?rhebok/|bin/rhebok|threading\.py'


@pytest.fixture
def slow(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SLOW.splitlines(), 1) if text in line)


def shows(function: str, call: str) -> str:
    """The application's innermost and outermost frames, as faulthandler writes them, and nothing below."""
    between = r'(?:  File ".*slow\.py", line \d+ in .*\n)?'
    outermost = rf'  File ".*slow\.py", line {line_of(call)} in application\n'
    return rf'slow\.py", line \d+ in {function}\n{between}{outermost}(?!  File)'


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_late_request_shows_where_the_application_is(serve: Serve, threads: str) -> None:
    server = serve("slow", "--request-timeout", "1", "--threads", threads)
    assert server.get("/").status == 500
    server.wait_for("RequestTimeout")
    server.tracebacks = 1
    lines_of_others = r"(?:\[.*\n)*"  # the next worker may be ready meanwhile
    header = rf"this is where it is:\n{lines_of_others}.*\n  File .*"
    assert server.matches(header + shows("inner", "    inner()")), server.log
    assert server.matches(r'Traceback .*\n  File ".*slow\.py", line \d+, in application\n    inner\(\)\n')
    assert not server.matches(OURS), server.log


# Without the GIL a thread in C holds no others, and then nobody notices it.
NUMBERS = ["1"] if gil_is_off() else ["1", "2"]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("threads", NUMBERS)
def test_one_whose_interpreter_is_held_shows_it_too(serve: Serve, threads: str) -> None:
    server = serve("slow", "--timeout", "1", "--threads", threads, "--graceful-timeout", "2")
    (worker,) = server.workers()
    with server.client() as client:
        client.send(head("GET", "/held"))
        server.wait_for(rf"worker {worker} .*killed")
        assert server.matches(shows("hold_the_lock", "    held()")), "before its end"
        server.wait_for(rf"worker {worker} was killed by SIGKILL")
    assert not server.matches(OURS), server.log


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_usr2_to_a_worker_whose_interpreter_is_held(serve: Serve, tmp_path: Path, threads: str) -> None:
    server = serve("slow", "--timeout", "0", "--threads", threads)
    (worker,) = server.workers()
    with server.client() as client:
        client.send(head("GET", "/held"))
        until((tmp_path / "held").exists)
        os.kill(worker, SIGUSR2)
        server.wait_for(shows("hold_the_lock", "    held()"))
        os.kill(worker, SIGUSR2)
        server.wait_for(shows("hold_the_lock", "    held()"), 2)
        os.kill(worker, SIGKILL)
    server.wait_for(rf"worker {worker} was killed")
    assert not server.matches(OURS), server.log


@pytest.mark.parametrize("threads", ["1", "2"])
def test_usr2_to_an_idle_worker_says_that_it_is(serve: Serve, threads: str) -> None:
    server = serve("gated", "--threads", threads)
    os.kill(server.workers()[0], SIGUSR2)
    server.wait_for("no thread is in the application")
    assert not server.matches(OURS), server.log


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(("path", "error"), [("/raise", "LookupError"), ("/wrong", "TypeError")])
def test_an_exception_shows_the_application_alone(serve: Serve, path: str, error: str) -> None:
    server = serve("slow")
    assert server.get(path).status == 500
    server.wait_for(error)
    server.tracebacks = server.log.count("Traceback (most")
    if path == "/raise":
        assert server.matches(r'Traceback .*\n  File ".*slow\.py", line \d+, in application\n')
        assert not server.matches(OURS), server.log


# Applications that do not get loaded

STUCK = """
import os, threading
HOLD
def load():
    if os.path.exists("stuck"):
        WAY
load()
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []
""".replace("HOLD", HOLD)
WAYS = {
    "waits for ever": "threading.Event().wait()",
    "keeps the interpreter's lock": "hold_the_lock()",
}
WHERE_IT_LOADS = r'stuck\.py", line \d+ in load\n  File ".*stuck\.py", line \d+ in <module>\n'


@pytest.fixture(params=WAYS)
def stuck(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Exists as long as the application is not to be loaded."""
    (tmp_path / "stuck.py").write_text(STUCK.replace("WAY", WAYS[request.param]))
    return tmp_path / "stuck"


@pytest.mark.slow
def test_a_worker_that_hangs_while_it_loads_is_killed_and_replaced(serve: Serve, stuck: Path) -> None:
    server = serve("stuck", "--no-preload", "--start-timeout", "3", "--err-respawn-interval", "0.1")
    stuck.touch()
    os.kill(server.workers()[0], SIGKILL)
    (late,) = server.wait_for(r"worker (\d+) was not ready within 3 s \(--start-timeout\)")
    server.wait_for(WHERE_IT_LOADS)
    stuck.unlink()
    server.wait_for(rf"worker {late} is still not ready: killed")
    server.wait_for(rf"worker {late} was killed by SIGKILL")
    server.wait_for(r"worker \d+ is ready", 2)
    assert server.get("/").status == 200


@pytest.mark.slow
@pytest.mark.parametrize("load", ["--preload", "--no-preload"])
def test_a_deploy_of_an_application_that_hangs_changes_nothing(serve: Serve, stuck: Path, load: str) -> None:
    options = ["--start-timeout", "3", "--kill-old-delay", "0", "--graceful-timeout", "1"]
    server = serve("stuck", load, *options)
    workers = server.workers()
    stuck.touch()
    server.send(SIGHUP)
    server.wait_for(r"generation 2 \(pid \d+\) was not ready within 3 s")
    server.wait_for("generation 1 .* goes on serving")
    assert server.matches(WHERE_IT_LOADS), server.log
    assert server.get("/").status == 200
    assert server.workers() == workers


@pytest.mark.slow
@pytest.mark.parametrize("load", ["--preload", "--no-preload"])
def test_a_first_start_that_hangs_ends_and_says_where(tmp_path: Path, stuck: Path, load: str) -> None:
    stuck.touch()
    options = ["--bind", "127.0.0.1:0", "--start-timeout", "3", "--graceful-timeout", "1"]
    starting = Process([*command(), "stuck", load, "--workers", "1", *options], tmp_path)
    try:
        assert starting.wait() == 128 + SIGKILL
        assert "was not ready within 3 s (--start-timeout)" in starting.log
        assert starting.matches(WHERE_IT_LOADS), starting.log
    finally:
        starting.end()
        print(starting.log)
