"""--header-timeout, --body-timeout, --send-timeout and --min-rate: which clients get a 408, which
are disconnected, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import gateway_server
import pytest
from gateway_server import Client, Server, wait_until

SOON = 0.2
LATE = SOON + 0.9  # a second is the coarsest that the loop looks

Serving = Callable[..., AbstractContextManager[Server]]

POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(params=[1, 4], ids=["one thread", "four"])
def serving(request: pytest.FixtureRequest) -> Serving:
    return partial(gateway_server.serving, threads=request.param)


def hello(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"hello"]


def seconds_until_408(client: Client) -> float:
    started = time.monotonic()
    response = client.response()
    assert (response.status, response.header("Connection")) == (408, "close")
    assert client.closed()
    return time.monotonic() - started


def trickle_until_answered(client: Client) -> None:
    """Sends a byte at a time, with short pauses."""
    client.socket.settimeout(SOON / 5)
    for _ in range(200):
        try:
            client.more()
            return
        except TimeoutError:
            client.send(b"x")
    pytest.fail("no answer")


@pytest.mark.parametrize("unix", [False, True])
def test_a_client_that_sends_nothing_is_closed_without_a_response(serving: Serving, unix: bool) -> None:
    with serving(hello, unix=unix, header_timeout=SOON) as server:
        client = server.client()
        started = time.monotonic()
        assert client.closed()
        assert SOON - 0.05 < time.monotonic() - started < LATE


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: h\r\n"])
def test_half_a_head_is_answered_408(serving: Serving, sent: bytes) -> None:
    with serving(hello, header_timeout=SOON) as server:
        client = server.client()
        client.send(sent)
        assert SOON - 0.05 < seconds_until_408(client) < LATE


def test_a_head_that_arrives_byte_by_byte_is_answered_408(serving: Serving) -> None:
    with serving(hello, header_timeout=SOON) as server:
        client = server.client()
        client.send(b"GET / HTTP/1.1\r\nX: ")
        trickle_until_answered(client)
        assert client.response().status == 408


def test_a_body_that_stops_arriving_is_answered_408(serving: Serving) -> None:
    with serving(hello, body_timeout=SOON) as server:
        client = server.client()
        client.send(POST + b"x")
        assert SOON - 0.05 < seconds_until_408(client) < LATE


def test_a_body_that_arrives_below_the_minimum_rate_is_answered_408(serving: Serving) -> None:
    with serving(hello, body_timeout=SOON, min_rate=10_000) as server:
        client = server.client()
        client.send(POST)
        trickle_until_answered(client)
        assert client.response().status == 408


def test_0_means_no_timeout(serving: Serving) -> None:
    with serving(hello, header_timeout=0, body_timeout=SOON) as server:
        silent, half, body = server.client(), server.client(), server.client()
        half.send(b"GET / HTTP/1.1\r\n")
        body.send(POST)
        seconds_until_408(body)
        half.send(b"Host: h\r\n\r\n")
        assert half.response().body == b"hello"
        assert silent.get().body == b"hello"


class Blocks:
    """An endless response that records each close()."""

    def __init__(self, closed: Path) -> None:
        self.closed = closed

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 100_000

    def close(self) -> None:
        with self.closed.open("a") as file:
            file.write("closed\n")


def big(closed: Path) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [])
        if environ["PATH_INFO"] == "/write":
            for block in Blocks(closed):
                write(block)
        if environ["PATH_INFO"] == "/list":
            return [b"x" * 50_000_000]
        return Blocks(closed) if environ["PATH_INFO"] == "/blocks" else [b"hello"]

    return app


def stalled(server: Server, path: bytes) -> Client:
    """A client that has read the beginning of its response, and reads no more."""
    client = server.client(receive_buffer=4096)
    client.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
    client.take(1000)
    return client


@pytest.mark.parametrize("path", [b"/blocks", b"/list", b"/write"])
def test_a_client_that_does_not_read_is_reset(serving: Serving, tmp_path: Path, path: bytes) -> None:
    """After a mere close the kernel would try to send the rest for a long time."""
    with serving(
        big(tmp_path / "closed"), send_timeout=SOON, access_logfile=str(tmp_path / "access")
    ) as server:
        client = stalled(server, path)
        wait_until(lambda: server.get().body == b"hello", "an answer")
        wait_until(lambda: b"GET %b" % path in b"".join(logged(tmp_path)), "the end of the response")
        with pytest.raises(ConnectionResetError):
            client.rest()


def logged(directory: Path) -> list[bytes]:
    path = directory / "access"
    return path.read_bytes().splitlines() if path.exists() else []


def test_the_iterable_of_a_client_that_does_not_read_is_closed_once(serving: Serving, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    with serving(big(closed), send_timeout=SOON) as server:
        stalled(server, b"/blocks")
        wait_until(closed.exists, "close()")
    assert closed.read_text() == "closed\n"


def test_no_block_is_sent_after_one_that_write_could_not_send(serving: Serving, tmp_path: Path) -> None:
    """A broken response does not look complete when the application ignores the exception."""
    given_up = tmp_path / "given up"
    size = 8_000_000

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Length", str(2 * size))])
        with suppress(TimeoutError):
            write(b"a" * size)
        given_up.touch()
        wait_until(lambda: not given_up.exists(), "the client to read on")
        with suppress(ConnectionError):
            write(b"b" * size)
        return []

    with serving(app, send_timeout=SOON) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        wait_until(given_up.exists, "the first block to be given up")
        given_up.unlink()
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert set(client.buffer) == set(b"a")


def test_a_client_that_reads_slowly_gets_all_of_it(serving: Serving) -> None:
    """It reads less within --send-timeout than the kernel needs to report the socket as writable."""
    size, least = 3_000_000, 20_000

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [b"x" * size]

    with serving(app, unix=True, send_timeout=SOON, min_rate=1) as server:
        client = server.client()
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        got, started = 0, time.monotonic()
        for quarter in range(20):
            wait_until(lambda: time.monotonic() > started + quarter * SOON / 4, "its time")  # noqa: B023
            got += len(client.take(least))
        assert len(client.take(size - got)) == size - got
