"""Metrics for statsd, over real sockets."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.metrics import Metrics, listening
from integration.server import Process, free_port
from integration.waiting import until

REQUESTS, DURATION = "gunicorn.requests", "gunicorn.request.duration"


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    with listening() as made:
        yield made


def test_requests_are_counted_with_status_and_duration(serve: Serve, metrics: Metrics) -> None:
    server = serve("kinds", "--statsd-host", metrics.address)
    server.get("/list")
    server.get("/list")
    server.get("/no-content")
    until(lambda: metrics.counter(REQUESTS) == 3)
    assert metrics.counter("gunicorn.request.status.200") == 2
    assert metrics.counter("gunicorn.request.status.204") == 1
    assert len(metrics.values(DURATION)) == 3
    assert metrics.values("gunicorn.workers")[0] == 1


def test_refused_requests_count_and_have_no_duration(serve: Serve, metrics: Metrics) -> None:
    server = serve("kinds", "--statsd-host", metrics.address)
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
    until(lambda: metrics.counter("gunicorn.request.status.400") == 1)
    assert metrics.values(DURATION) == []


def test_many_requests_are_few_datagrams(serve: Serve, metrics: Metrics) -> None:
    server = serve("kinds", "--statsd-host", metrics.address)
    with server.client() as client:
        for _ in range(200):
            client.get("/list")
    server.stop()
    of_requests = [each for each in metrics.receive().datagrams if DURATION in each]
    assert metrics.counter(REQUESTS) == 200
    assert len(of_requests) < 20
    assert max(map(len, of_requests)) <= 1400


def test_prefix_and_tags_are_in_each_line(serve: Serve, metrics: Metrics) -> None:
    options = ("--statsd-prefix", "shop", "--dogstatsd-tags", "env:test,b")
    server = serve("kinds", "--statsd-host", metrics.address, *options, "--enable-backlog-metric")
    server.get("/list")
    until(lambda: metrics.counter(f"shop.{REQUESTS}") and metrics.values("shop.gunicorn.backlog"))
    assert all(line.startswith("shop.gunicorn.") for line in metrics.lines)
    assert all(line.endswith("|#env:test,b") for line in metrics.lines)


@pytest.mark.parametrize("threads", ["1", "4"])
def test_all_workers_and_threads_count(serve: Serve, metrics: Metrics, threads: str) -> None:
    server = serve("kinds", "--statsd-host", metrics.address, "--threads", threads, workers=2)
    for _ in range(40):
        server.get("/list")
    server.stop()
    assert metrics.counter(REQUESTS) == 40
    assert metrics.values("gunicorn.workers")[-1] == 2  # the end is no news


def test_deploys_and_killed_workers_lose_no_count(serve: Serve, metrics: Metrics) -> None:
    server = serve("kinds", "--statsd-host", metrics.address, "--kill-old-delay", "0")
    server.get("/list")
    server.send(signal.SIGHUP)
    server.wait_for(r"generation 1 \(pid \d+\) exited")
    server.get("/list")
    until(lambda: metrics.counter(REQUESTS) == 2)
    old = server.workers()[-1]
    os.kill(old, signal.SIGKILL)
    server.wait_for_workers(1, without=[old])
    server.get("/list")
    until(lambda: metrics.counter(REQUESTS) == 3)
    assert metrics.values("gunicorn.workers")[-1] == 1


def test_errors_are_counted_as_lines_of_the_log(serve: Serve, metrics: Metrics, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def application(environ, start_response):\n    raise ValueError\n")
    server = serve("broken", "--statsd-host", metrics.address)
    server.get()
    server.tracebacks = 1
    until(lambda: metrics.counter("gunicorn.log.exception") == 1)
    until(lambda: metrics.counter("gunicorn.request.status.500") == 1)


def test_over_ipv6(serve: Serve) -> None:
    with listening(socket.AF_INET6, ("::1", 0)) as metrics:
        server = serve("kinds", "--statsd-host", metrics.address)
        server.get("/list")
        until(lambda: metrics.counter(REQUESTS) == 1)


def test_over_a_unix_socket_that_comes_later(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "statsd.sock"
    server = serve("kinds", "--statsd-host", f"unix://{path}")
    server.get("/list")
    with listening(socket.AF_UNIX, str(path)) as metrics:
        until(lambda: server.get("/list") and metrics.counter(REQUESTS))


def test_a_statsd_that_is_absent_disturbs_nothing(serve: Serve) -> None:
    server = serve("kinds", "--statsd-host", f"127.0.0.1:{free_port()}")
    with server.client() as client:
        for _ in range(300):
            assert client.get("/list").status == 200
    assert not server.matches("WARNING|ERROR")


def test_a_statsd_that_reads_nothing_holds_nobody_up(serve: Serve, tmp_path: Path) -> None:
    with listening(socket.AF_UNIX, str(tmp_path / "s")) as metrics:
        server = serve("kinds", "--statsd-host", metrics.address)
        with server.client() as client:
            for _ in range(3000):
                assert client.get("/list").status == 200
        assert server.stop() == 0


def test_a_name_that_cannot_be_resolved_is_a_line_in_the_log(serve: Serve) -> None:
    server = serve("kinds", "--statsd-host", "statsd.invalid:8125")
    assert server.get("/list").status == 200
    assert server.matches(r"WARNING\] --statsd-host: no metrics are sent: statsd\.invalid:8125: ")


def shape(line: str) -> str:
    """Without the value of a duration or a backlog, which differ; with a counter of 1 for each of a sum."""
    name, _, value = line.partition(":")
    return f"{name}:*|{value.partition('|')[2]}" if "|ms" in value or name.endswith("backlog") else line


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--statsd-prefix", "one"),
        ("--statsd-prefix", "one.two."),
        ("--statsd-prefix", "one..", "--dogstatsd-tags", "a:b,c"),
        ("--statsd-prefix", "x", "--enable-backlog-metric"),
    ],
)
def test_each_line_is_one_that_gunicorn_sends(serve: Serve, tmp_path: Path, options: tuple[str, ...]) -> None:
    pytest.importorskip("gunicorn")
    with listening() as ours, listening() as theirs:
        server = serve("kinds", "--statsd-host", ours.address, *options)
        server.get("/list")
        port = free_port()
        argv = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--statsd-host", theirs.address, *options]
        (tmp_path / "kinds.py").write_text((Path(__file__).parent / "apps/kinds.py").read_text())
        gunicorn = Process([*argv, "kinds"], tmp_path)
        try:
            gunicorn.wait_for("Booting worker")
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /list HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                until(lambda: client.recv(65536) == b"")
            count = 5 if "--enable-backlog-metric" in options else 4
            until(lambda: len(set(map(shape, theirs.lines))) >= count, lambda: theirs.lines)
        finally:
            gunicorn.stop()
        until(lambda: len(set(map(shape, ours.lines))) >= count, lambda: ours.lines)
        assert set(map(shape, ours.lines)) == set(map(shape, theirs.lines))
