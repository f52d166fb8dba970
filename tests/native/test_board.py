"""What a worker counts on its board: requests, bytes, connections, and the times of requests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gateway_server
import pytest
from gateway_server import Server, wait_until

from rhebok.board import counts
from rhebok.board.counts import Counts, Times
from rhebok.board.histogram import percentile
from rhebok.board.reading import READY, BoardReader

Serving = Callable[..., AbstractContextManager[Server]]

SLEEP = 0.03


@pytest.fixture(params=[1, 2], ids=["one thread", "two"])
def serving(request: pytest.FixtureRequest) -> Serving:
    return partial(gateway_server.serving, threads=request.param)


def counted(server: Server) -> Counts:
    return Counts(counts.add_up(server.scoreboard.board(0)))


def until_timed(server: Server, number: int) -> Counts:
    """Once so many requests are in the histograms: their time is known a moment after the answer."""
    wait_until(lambda: sum(counted(server).total.counts.values()) >= number, f"{number} times")
    return counted(server)


def typical(times: Times) -> float:
    found = percentile(times.counts, 0.5)
    assert found is not None
    return found


def app(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    start_response("404 Not Found" if path == "/missing" else "200 OK", [("Content-Type", "text/plain")])
    if path.startswith("/sleep"):
        time.sleep(SLEEP)
    if path == "/iterated":
        return slow_blocks()
    if path == "/large":
        return (b"x" * 65536 for _ in range(200))
    return [b"hello"]


def slow_blocks() -> Iterator[bytes]:
    for _ in range(3):
        time.sleep(SLEEP / 3)
        yield b"block"


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def test_requests_are_counted_by_method_and_class(serving: Serving) -> None:
    with serving(app) as server:
        client = server.client()
        for path, method in (
            ("/", "GET"),
            ("/missing", "GET"),
            ("/", "HEAD"),
            ("/", "PATCH"),
            ("/", "PURGE"),
        ):
            client.send(get(path, method))
            client.response(method)
        found = until_timed(server, 5)
        assert found.requests["GET"] == {"none": 0, "1xx": 0, "2xx": 1, "3xx": 0, "4xx": 1, "5xx": 0}
        assert [found.requests[method]["2xx"] for method in ("HEAD", "PATCH", "other")] == [1, 1, 1]
        assert found.count == 5
        assert found.accepted == 1


def test_a_refused_request_is_counted_and_not_timed(serving: Serving) -> None:
    with serving(app) as server:
        client = server.client()
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n")
        assert client.response().status == 400
        wait_until(lambda: counted(server).count == 1, "a count")
        found = counted(server)
        assert found.requests["GET"]["4xx"] == 1
        assert found.total.counts == {}
        assert found.bytes_out > 20


@pytest.mark.parametrize("unix", [False, True])
def test_bytes_are_counted_in_both_directions(serving: Serving, unix: bool) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
    with serving(app, unix=unix) as server:
        client = server.client()
        client.send(head + b"x" * 100000)
        client.response()
        assert until_timed(server, 1).bytes_in == len(head) + 100000
        before = counted(server).bytes_out
        client.send(get("/large"))
        client.response()
        assert until_timed(server, 2).bytes_out - before > 200 * 65536


@pytest.mark.parametrize("path", ["/sleep", "/iterated"])
def test_the_time_with_the_application_is_known(serving: Serving, path: str) -> None:
    with serving(app) as server:
        client = server.client()
        for _ in range(5):
            client.send(get(path))
            client.response()
        found = until_timed(server, 5)
        assert SLEEP * 0.97 <= typical(found.application) < 2 * SLEEP
        assert SLEEP * 0.97 <= typical(found.total) < 2 * SLEEP
        assert found.total.seconds >= 5 * SLEEP * 0.97
        assert typical(found.queue) < SLEEP / 2


def test_a_request_that_waits_for_a_busy_worker_has_waited_in_the_queue(serving: Serving) -> None:
    """The four wait for others: with one thread for 0, 1, 2 and 3, with two for 0, 0, 1 and 1. A loop that
    the kernel holds up while it asks for events cannot tell that from a wait, so it is tried again."""
    with serving(app) as server:
        clients = [server.client() for _ in range(4)]
        for client in clients:
            client.send(get("/"))
            client.response()

        def have_waited() -> bool:
            before = counted(server)
            for client in clients:
                client.send(get("/sleep"))
            for client in clients:
                client.response()
            found = until_timed(server, before.count + 4)
            waited = found.queue.seconds - before.queue.seconds
            others = found.total.seconds - before.total.seconds - found.application.seconds
            assert others + before.application.seconds == pytest.approx(waited, abs=0.02)
            return waited >= 1.5 * SLEEP

        wait_until(have_waited, "requests that have waited")


def test_the_time_of_a_slow_client_is_not_that_of_the_application() -> None:
    with gateway_server.serving(app) as server:
        client = server.client()
        client.send(get("/large"))
        wait_until(lambda: server.score().sending == 1, "a suspended response")
        time.sleep(0.2)  # it is the duration itself that is tested
        client.response()
        found = until_timed(server, 1)
        assert found.application.seconds < 0.15
        assert found.total.seconds >= 0.2


START = "X-Request-Start: t={:.3f}"
AT_PROXY = 7.0  # seconds


def test_the_time_at_a_trusted_proxy_is_time_in_the_queue(serving: Serving) -> None:
    with serving(app) as server:
        client = server.client()
        for path in ("/", "/sleep"):
            client.get(path, START.format(time.time() - AT_PROXY))
        client.get("/")  # has none
        found = until_timed(server, 3)
        assert found.queue.seconds == pytest.approx(2 * AT_PROXY, rel=0.04, abs=SLEEP)
        assert found.total.seconds < 1
        assert sum(found.queue.counts.values()) == 3


@pytest.mark.parametrize("options", [{"forwarded_allow_ips": ()}, {"forwarded_allow_ips": ("192.0.2.1",)}])
def test_a_stranger_cannot_say_how_long_a_request_has_waited(
    serving: Serving, options: dict[str, Any]
) -> None:
    with serving(app, **options) as server:
        server.get("/", START.format(time.time() - AT_PROXY))
        assert until_timed(server, 1).queue.seconds < 1


@pytest.mark.parametrize("value", ["t=1", "soon", "t=99999999999", ""])
def test_a_start_that_is_no_time_of_the_past_changes_nothing(serving: Serving, value: str) -> None:
    with serving(app) as server:
        server.get("/", f"X-Request-Start: {value}")
        assert until_timed(server, 1).queue.seconds < 1


def test_connections_are_shown_by_what_they_wait_for(serving: Serving) -> None:
    with serving(app) as server:
        server.client().get("/")
        server.client().send(b"GET / HTTP/1.1\r\nHost")
        server.client().send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
        server.client(receive_buffer=4096).send(get("/large"))
        server.client()
        expected = {"idle": 1, "reading_head": 1, "reading_body": 1, "sending": 1}
        wait_until(lambda: counted(server).parked.items() >= expected.items(), "all of them")
        for client in server.clients:
            client.socket.close()
        wait_until(lambda: not any(counted(server).parked.values()), "none")


def test_the_client_of_a_request_is_known(serving: Serving) -> None:
    """That which a trusted proxy names, and otherwise the peer."""
    assert current_client(serving) == "127.0.0.1"
    assert current_client(serving, "X-Forwarded-For: 2001:db8::7") == "2001:db8::7"
    assert current_client(serving, "X-Forwarded-For: 192.0.2.7", forwarded_allow_ips=()) == "127.0.0.1"
    assert current_client(serving, unix=True) == ""


def current_client(serving: Serving, *fields: str, **options: Any) -> str:
    with ExitStack() as stack:
        gate = stack.enter_context(Gate())
        server = stack.enter_context(serving(gate.app, **options))
        assert server.scoreboard.fd is not None
        server.scoreboard.note_worker(0, server.pid, READY, 0)
        reader = BoardReader(os.dup(server.scoreboard.fd))
        stack.callback(reader.close)
        client = server.client()
        client.send("\r\n".join(["GET / HTTP/1.1", "Host: h", *fields, "", ""]).encode())
        gate.wait()
        current = reader.read().workers[0].current
        gate.open()
        client.response()
    assert current is not None
    return current.client


class Gate:
    """An application that waits until it is told to answer."""

    def __enter__(self) -> Gate:
        self.came, self.goes = os.pipe(), os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (*self.came, *self.goes):
            os.close(fd)

    def app(self, environ: dict[str, Any], start_response: Any) -> Any:
        os.write(self.came[1], b"x")
        os.read(self.goes[0], 1)
        return app(environ, start_response)

    def wait(self) -> None:
        os.read(self.came[0], 1)

    def open(self) -> None:
        os.write(self.goes[1], b"x")


def test_without_a_board_requests_are_served_and_not_counted(serving: Serving) -> None:
    with serving(app, board=False) as server:
        client = server.client()
        for path in ("/", "/sleep", "/large", "/iterated", "/missing"):
            assert client.get(path, START.format(time.time() - AT_PROXY)).body
        assert counts.add_up(server.scoreboard.board(0)) == 0
        assert sum(score.requests for score in server.scoreboard.read(0)) == 5


def test_without_a_board_the_log_has_the_times_of_requests(serving: Serving, tmp_path: Path) -> None:
    log = tmp_path / "log"
    form = {"access_logfile": str(log), "access_logformat": "%({app_time}x)s"}
    with serving(app, board=False, **form) as server:
        client = server.client()
        client.send(get("/sleep") + get("/"))
        client.response()
        client.response()
        wait_until(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    slept, other = map(float, log.read_text().split())
    assert slept >= SLEEP * 0.97
    assert other < SLEEP


def test_the_last_request_before_the_end_is_timed() -> None:
    with gateway_server.serving(app) as server:
        client = server.client()
        client.send(b"GET /sleep HTTP/1.0\r\n\r\n")
        client.response()
    assert sum(counted(server).total.counts.values()) == 1
