"""Workers and masters whose interpreter is held outside of any request are noticed: mended, item 11."""

import os
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from time import monotonic

import pytest
from deploy.fake_systemd import FakeSystemd

from integration.conftest import Serve
from integration.http_client import Client
from integration.processes import has_ended
from integration.waiting import until
from rhebok.serving.many_loops import gil_is_off

pytestmark = pytest.mark.slow

NEEDS_GIL = pytest.mark.skipif(gil_is_off(), reason="without the GIL no thread holds another one")

# A background thread that keeps the interpreter's lock in C, from the moment that the request is answered.
HOLDING = """
import ctypes, os, threading
HELD = threading.Event()

def hold_the_lock():
    sleep = ctypes.PyDLL(None).sleep
    HELD.wait()
    open("held", "w").close()
    sleep(1000)

class Answer(list):
    def close(self):
        HELD.set()

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "4"), ("Connection", "close")])
    if environ["PATH_INFO"] == "/hold":
        threading.Thread(target=hold_the_lock, daemon=True).start()
        return Answer([b"held"])
    return [b"fine"]
"""


@NEEDS_GIL
@pytest.mark.parametrize("threads", ["1", "4"])
def test_an_idle_worker_that_a_thread_in_c_holds_is_replaced(
    serve: Serve, tmp_path: Path, threads: str
) -> None:
    (tmp_path / "holding.py").write_text(HOLDING)
    server = serve("holding", "--timeout", "1", "--threads", threads)
    held = server.workers()
    assert server.get("/hold").text == "held"
    server.wait_for_workers(1, without=held)
    assert server.get("/").text == "fine"
    assert server.matches(rf"\[(?:ERROR|WARNING)\] worker {held[0]} .*(?:killed|replac)")
    assert server.stop() == 0


@NEEDS_GIL
def test_the_log_says_where_it_is_held(serve: Serve, tmp_path: Path) -> None:
    """The traceback of Python is written by a signal handler in C: it needs no lock."""
    (tmp_path / "holding.py").write_text(HOLDING)
    server = serve("holding", "--timeout", "1")
    held = server.workers()
    server.get("/hold")
    server.wait_for_workers(1, without=held)
    assert server.matches(r'holding\.py", line \d+ in hold_the_lock')


@NEEDS_GIL
def test_a_request_that_waits_for_a_held_worker_is_answered_by_the_next(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "holding.py").write_text(HOLDING)
    server = serve("holding", "--timeout", "1", bind="unix:s")
    server.get("/hold")
    until((tmp_path / "held").exists)
    with Client(server.address) as client:
        assert client.get("/").text == "fine"


def test_idle_workers_are_left_alone(serve: Serve) -> None:
    """However short --timeout is."""
    server = serve("gated", "--timeout", "0.3", workers=2)
    workers = server.workers()
    until_later = monotonic() + 2
    until(lambda: monotonic() > until_later)
    assert server.workers() == workers
    assert not server.matches(r"\[(?:ERROR|WARNING)\]")


HANGING_HOOKS = """
import os, time
def hang_when_told():
    while os.path.exists("hang"):
        time.sleep(0.01)
def before(master):
    hang_when_told()
def reaped(pid, status):
    hang_when_told()
"""


@pytest.mark.parametrize("hook", ["--before-fork hooks:before", "--on-child-reap hooks:reaped"])
def test_a_master_whose_hook_hangs_is_replaced(serve: Serve, tmp_path: Path, hook: str) -> None:
    (tmp_path / "hooks.py").write_text(HANGING_HOOKS)
    server = serve("gated", *hook.split(), "--timeout", "1", "--kill-old-delay", "0", workers=2)
    master = server.master
    (tmp_path / "hang").touch()
    os.kill(server.workers()[0], SIGKILL)
    until(lambda: server.matches(rf"generation 1 \(pid {master}\)(?! serves| is ready)"), lambda: server.log)
    (tmp_path / "hang").unlink()
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    assert server.get("/").status == 200
    assert server.matches(r'hooks\.py", line \d+ in hang_when_told'), "its traceback"


def silent(systemd: FakeSystemd, seconds: float) -> bool:
    """Whether no sign of life has come for so long."""
    systemd.keys()
    count, start = len(systemd.said), monotonic()
    until(lambda: bool(systemd.keys()) and (len(systemd.said) > count or monotonic() > start + seconds))
    return len(systemd.said) == count


def test_the_watchdog_of_systemd_is_fed_only_while_workers_are_alive(serve: Serve, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        variables = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "400000"}
        server = serve("gated", "--timeout", "1", workers=2, **variables)
        systemd.wait_for("WATCHDOG", 3)
        stopped = [server.master, *server.workers()]
        for pid in stopped:
            os.kill(pid, SIGSTOP)
        try:
            until(lambda: silent(systemd, 1.5) or any(map(has_ended, stopped)), lambda: systemd.keys())
        finally:
            for pid in stopped:
                if not has_ended(pid):
                    os.kill(pid, SIGCONT)
        systemd.wait_for("WATCHDOG", systemd.keys().count("WATCHDOG") + 1)
