"""Applications that gevent or eventlet has patched start, serve, reap and stop: mended, item 10."""

import os
from collections.abc import Callable
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGTTIN

import pytest
from integration.conftest import Serve
from integration.http_client import Client
from integration.processes import has_ended, state
from integration.server import Process, Server, command
from integration.waiting import until

from applications.conftest import APPS
from applications.ends import each_way_to_load

pytest.importorskip("gevent")
pytest.importorskip("eventlet")

PATCHES = [
    "gevent",
    "gevent select=False",
    "gevent os=True, signal=True, subprocess=True, Event=True",
    "eventlet",
    "eventlet os=False, thread=False",
]

Patched = Callable[..., Server]


@pytest.fixture(params=PATCHES)
def patched(request: pytest.FixtureRequest, serve_app: Serve) -> Patched:
    def start(*options: str, workers: int = 2) -> Server:
        return serve_app("coroutines", *options, workers=workers, PATCH=request.param)

    return start


@each_way_to_load
def test_it_serves_and_stops(patched: Patched, load: str) -> None:
    server = patched(load)
    with Client(server.address) as client:
        assert client.get("/").json()[0] in server.workers()
        assert client.post("/", b"x" * 300_000).json()[1] == 300_000
        assert client.get("/thread").json()[0] == [client.get("/").json()[0]]
        assert client.get("/child").json() == [7, 0]
    assert server.stop(SIGTERM) == 0


@each_way_to_load
def test_a_killed_worker_is_reaped_and_replaced(patched: Patched, load: str) -> None:
    server = patched(load)
    (victim, other) = server.workers()
    os.kill(victim, SIGKILL)
    until(lambda: state(victim) == "", lambda: server.log)
    assert other in server.wait_for_workers(2, without=[victim])
    assert server.matches(rf"worker {victim} was killed by SIGKILL")


@each_way_to_load
def test_workers_are_replaced_added_and_deployed(patched: Patched, load: str) -> None:
    server = patched(load, "--kill-old-delay", "0")
    first = server.workers()
    os.kill(server.master, SIGHUP)
    second = server.wait_for_workers(2, without=first)
    server.send(SIGTTIN)
    server.wait_for_workers(3)
    server.send(SIGHUP)
    until(lambda: all(map(has_ended, second)), lambda: server.log)
    assert server.get("/").status == 200
    assert server.stop(SIGINT) == 0


@each_way_to_load
def test_after_max_requests_workers_are_replaced_and_the_server_still_stops(
    patched: Patched, load: str
) -> None:
    server = patched(load, "--max-requests", "1")
    gone = {server.get("/").json()[0] for _ in range(4)}
    until(lambda: all(map(has_ended, gone)), lambda: server.log)
    assert server.stop() == 0


@pytest.mark.parametrize("patch", ["gevent", "eventlet"])
@each_way_to_load
def test_threads_and_patches_are_one_line_of_warning(serve_app: Serve, patch: str, load: str) -> None:
    server = serve_app("coroutines", load, "--threads", "4", PATCH=patch)
    server.stop()
    warnings = server.matches(r"\[WARNING\] (.*)")
    assert len(warnings) == 1, server.log
    assert "--threads" in warnings[0]
    assert patch in warnings[0]


@pytest.mark.parametrize("patch", ["gevent", "eventlet"])
def test_one_thread_is_no_warning(serve_app: Serve, patch: str) -> None:
    server = serve_app("coroutines", "--threads", "1", PATCH=patch)
    server.stop()
    assert server.matches(r"\[WARNING\] (.*)") == []


def test_check_config_takes_a_patched_application(tmp_path: Path) -> None:
    argv = [*command(), "--check-config", "--pythonpath", str(APPS), "coroutines"]
    running = Process(argv, tmp_path, PATCH="gevent")
    try:
        assert running.wait() == 0, running.log
    finally:
        running.end()
