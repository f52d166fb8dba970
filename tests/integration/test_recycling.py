"""Workers that are replaced while clients go on asking: no request fails."""

from pathlib import Path
from signal import SIGHUP

import pytest

from integration.conftest import Serve
from integration.load import SteadyClients
from integration.waiting import until
from integration.wrk import SHIM_SOURCE, Wrk, build_shim

WORKERS = 2

ADDRESSES = pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"], ids=["tcp", "unix"])


@ADDRESSES
def test_no_request_fails_when_workers_reach_max_requests(serve: Serve, bind: str) -> None:
    server = serve("gated", "--max-requests", "20", "--max-requests-jitter", "10", workers=WORKERS, bind=bind)
    with SteadyClients(server.address) as clients:
        until(lambda: len(clients.bodies) >= 10, lambda: clients.bodies)
    # It goes on until its successor is ready, not beyond twice its limit, and serves what it has accepted.
    assert max(clients.bodies.values()) <= 2 * 30 + 4
    server.wait_for(r"worker \d+ exited with status 0", 8)
    assert not server.matches(r"\[(?:WARNING|ERROR|CRITICAL)\]")


@ADDRESSES
def test_no_request_fails_when_hup_replaces_the_workers(serve: Serve, bind: str) -> None:
    server = serve("gated", workers=WORKERS, bind=bind)
    with SteadyClients(server.address) as clients:
        for _ in range(3):
            before = server.wait_for_workers(WORKERS)
            server.send(SIGHUP)
            server.wait_for_workers(WORKERS, without=before)
    assert clients.total > 0


def test_the_last_answer_of_a_worker_at_max_requests_says_close(serve: Serve) -> None:
    server = serve("gated", "--max-requests", "3")
    with server.client() as client:
        answers = 1
        while not client.get("/").says_close:
            answers += 1
        assert client.at_end()
    assert 3 <= answers <= 6  # from its limit on, as soon as there is a successor


def test_a_worker_without_a_successor_ends_at_twice_its_limit(serve: Serve) -> None:
    server = serve("gated", "--max-requests", "3", "--spawn-interval", "1000")
    with server.client() as client:
        assert [client.get("/").says_close for _ in range(6)] == [False] * 5 + [True]
        assert client.at_end()


@pytest.mark.needs("wrk")
def test_wrk_sees_no_error_while_workers_reach_max_requests(serve: Serve) -> None:
    server = serve("gated", "--max-requests", "2000", "--min-requests", "1000", workers=WORKERS)
    assert Wrk(server.address, seconds=3, close=True).summary().all_good
    assert len(server.matches(r"worker \d+ exited with status 0")) >= WORKERS


@pytest.mark.needs("wrk", "cc")
@pytest.mark.skipif(not SHIM_SOURCE.exists(), reason="there is no bench/unix_shim.c")
def test_wrk_sees_no_error_over_a_unix_socket_while_workers_reach_max_requests(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("gated", "--max-requests", "2000", workers=WORKERS, bind="unix:app.sock")
    shim = build_shim(tmp_path)
    assert Wrk(server.address, seconds=3, close=True, shim=shim).summary().all_good
    assert len(server.matches(r"worker \d+ exited with status 0")) >= WORKERS
