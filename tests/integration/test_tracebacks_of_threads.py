"""Processes that are asked where their threads are while all of these run Python code."""

import os
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM, SIGUSR2

import pytest

from integration.conftest import Serve
from integration.http_client import head
from integration.server import Process, command
from integration.waiting import until

THREADS = 4
TIMES = 60

# Frames come and go with their memory and their code, in threads of the server and in one of the application.
BUSY = """
import threading

LOCALS = ", ".join(f"local_{number} = 0" for number in range(250))
SOURCE = f"def descend(depth, {LOCALS}): return depth and descend(depth - 1)"

def busy():
    while not ended.is_set():
        space = {}
        exec(SOURCE, space)
        for _ in range(20):
            space["descend"](40)

ended = threading.Event()

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/busy":
        busy()
    elif path == "/background":
        threading.Thread(target=busy, name="background").start()
    elif path == "/end":
        ended.set()
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


# A master that has threads while it loads the application, and later.
LOADING = """
import os, threading, time
from busy import application, busy

for _ in range(2):
    threading.Thread(target=busy, daemon=True).start()
with open("loading", "w") as file:
    file.write(str(os.getpid()))
os.rename("loading", "master")
while not os.path.exists("loaded"):
    time.sleep(0.01)
"""


def shows_where_it_is(server: Process, pid: int) -> None:
    size = len(server.log)
    os.kill(pid, SIGUSR2)
    until(lambda: "in busy" in server.log[size:] or died(server), lambda: server.log[-2000:])
    assert not died(server), server.log[-2000:]


def died(server: Process) -> bool:
    return server.ended or bool(server.matches("was killed by|was replaced"))


@pytest.mark.parametrize("threads", [1, THREADS + 1])
def test_a_worker_that_writes_its_tracebacks_again_and_again_lives(
    serve: Serve, tmp_path: Path, threads: int
) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    server = serve("busy", "--threads", str(threads), "--timeout", "0")
    (worker,) = server.workers()
    with ExitStack() as stack:
        for _ in range(threads - 1):
            stack.enter_context(server.client()).send(head("GET", "/busy"))
        server.get("/background")
        for _ in range(TIMES):
            shows_where_it_is(server, worker)
        server.get("/end")
    assert server.workers() == [worker]


def test_so_does_a_master(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    (tmp_path / "loading.py").write_text(LOADING)
    options = ["--bind", "127.0.0.1:0", "--workers", "1", "--preload"]
    server = Process([*command(), *options, "loading"], tmp_path)
    try:
        until((tmp_path / "master").exists, lambda: server.log)
        master = int((tmp_path / "master").read_text())
        for _ in range(TIMES // 2):
            shows_where_it_is(server, master)
        (tmp_path / "loaded").touch()
        server.wait_for("worker .* is ready")
        for _ in range(TIMES // 2):
            shows_where_it_is(server, master)
        assert server.stop(SIGTERM) == 0
    finally:
        server.end()
        print(server.log)
