"""Under wrk: no error, no growth, and workers that are killed meanwhile."""

import os
import random
import signal
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.processes import descriptors, memory
from integration.server import EXAMPLES, Server
from integration.waiting import until
from integration.wrk import SHIM_SOURCE, Wrk, build_shim

pytestmark = pytest.mark.needs("wrk")

HELLO = ["--chdir", str(EXAMPLES)]
WORKERS = 2

MILLION = 1_000_000
WARM_UP_SECONDS = 3
RUN_SECONDS = 5
# Of a worker. A leak of two bytes a request would be as much; what is left of it is the allocator's.
GROWTH = MILLION // WORKERS


@pytest.mark.parametrize("close", [False, True], ids=["kept-alive", "close"])
def test_wrk_sees_no_error_over_tcp(serve: Serve, close: bool) -> None:
    server = serve("hello", *HELLO, workers=WORKERS)
    assert Wrk(server.address, seconds=2, close=close).summary().all_good


@pytest.mark.parametrize("close", [False, True], ids=["kept-alive", "close"])
@pytest.mark.needs("cc")
@pytest.mark.skipif(not SHIM_SOURCE.exists(), reason="there is no bench/unix_shim.c")
def test_wrk_sees_no_error_over_a_unix_socket(serve: Serve, tmp_path: Path, close: bool) -> None:
    server = serve("hello", *HELLO, workers=WORKERS, bind=f"unix:{tmp_path}/app.sock")
    shim = build_shim(tmp_path)
    assert Wrk(server.address, seconds=2, close=close, shim=shim).summary().all_good


@pytest.mark.parametrize("path", ["/list", "/generator", "/file"])
def test_wrk_sees_no_error_with_large_responses(serve: Serve, path: str) -> None:
    server = serve("big", workers=WORKERS)
    assert Wrk(server.address, seconds=2, path=path).summary().all_good


def test_a_million_requests_leave_nothing_behind(serve: Serve) -> None:
    server = serve("hello", *HELLO, workers=WORKERS)
    workers = server.workers()
    files = {pid: descriptors(pid) for pid in workers}
    Wrk(server.address, seconds=WARM_UP_SECONDS).summary()
    before = {pid: memory(pid) for pid in workers}
    requests = 0
    while requests < MILLION:
        summary = Wrk(server.address, seconds=RUN_SECONDS).summary()
        assert summary.all_good
        requests += summary.requests
    assert server.workers() == workers
    grown = {pid: memory(pid) - before[pid] for pid in workers}
    assert max(grown.values()) < GROWTH, grown
    until(lambda: all(descriptors(pid) <= files[pid] for pid in workers), lambda: files)


def test_a_worker_killed_every_fifth_of_a_second_takes_only_its_own_connections_along(serve: Serve) -> None:
    server = serve("hello", *HELLO, workers=WORKERS)
    connections, kills = 16, 0
    wrk = Wrk(server.address, seconds=4, connections=connections)
    while wrk.still_runs(0.2):
        server.wait_for(r"worker \d+ is ready", kills + WORKERS)
        os.kill(random.choice(server.wait_for_workers(WORKERS)), signal.SIGKILL)
        kills += 1
    summary = wrk.summary()
    assert kills > 5
    assert summary.requests > kills
    assert summary.refused == 0
    assert summary.socket_errors <= kills * connections
    assert_all_replaced(server, kills)


def assert_all_replaced(server: Server, kills: int) -> None:
    server.wait_for_workers(WORKERS)
    assert len(server.wait_for(r"worker \d+ .*SIGKILL", kills)) == kills
    assert len(server.wait_for(r"worker \d+ is ready", kills + WORKERS)) == kills + WORKERS
    assert Wrk(server.address, seconds=1).summary().all_good
