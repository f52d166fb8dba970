"""close() of what the application returned: called exactly once, however the response ends (PEP 3333)."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import serving, wait_until

GOOD = [("Content-Type", "text/plain")]


class Closing:
    """An iterable that counts its close() calls into a pipe, so that the test sees them."""

    def __init__(self, blocks: Any, pipe: int, error: bool = False) -> None:
        self.blocks, self.pipe, self.error = iter(blocks), pipe, error

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks

    def close(self) -> None:
        os.write(self.pipe, b"c")
        if self.error:
            raise RuntimeError("close() is broken")


def failing_blocks() -> Iterator[bytes]:
    yield b"a"
    raise RuntimeError("in the middle")


CLOSINGS: dict[str, Callable[[int], tuple[str, Any]]] = {
    "whole": lambda pipe: ("200 OK", Closing([b"a", b"b"], pipe)),
    "empty": lambda pipe: ("200 OK", Closing([], pipe)),
    "no_content": lambda pipe: ("204 No Content", Closing([b"a"], pipe)),
    "fails": lambda pipe: ("200 OK", Closing(failing_blocks(), pipe)),
    "text": lambda pipe: ("200 OK", Closing(["a"], pipe)),
    "bad_status": lambda pipe: ("200", Closing([b"a"], pipe)),
    "close_fails": lambda pipe: ("200 OK", Closing([b"a"], pipe, error=True)),
    "endless": lambda pipe: ("200 OK", Closing(iter(lambda: b"e" * 100_000, b""), pipe)),
    "large": lambda pipe: ("200 OK", Closing([b"l" * 8_000_000] * 2, pipe)),
}


@pytest.mark.parametrize("name", CLOSINGS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_exactly_once(name: str, method: str) -> None:
    closes, pipe = os.pipe()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/alive":
            start_response("200 OK", GOOD)
            return [b"alive"]
        status, iterable = CLOSINGS[name](pipe)
        if name != "bad_status":
            start_response(status, GOOD)
        return iterable

    with serving(app) as server:
        os.close(pipe)
        with server.client() as client:
            client.send(f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            client.take(20)
            if method == "GET" and name in ("endless", "large"):
                assert server.get("/alive").body == b"alive"  # while that response waits
            if name != "endless" or method == "HEAD":
                assert os.read(closes, 1) == b"c" if name != "large" or method == "HEAD" else True
        if method == "GET" and name in ("endless", "large"):
            assert os.read(closes, 1) == b"c"  # the client has gone away
        assert server.get("/alive").body == b"alive"
    assert os.read(closes, 10) == b""  # the worker has ended: no second close()
    os.close(closes)


def test_an_error_in_close_is_logged_and_the_response_is_complete() -> None:
    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        return Closing([b"fine"], 2, error=True)

    with serving(app) as server, server.client() as client:
        assert client.get().body == b"fine"
        assert client.get().body == b"fine"
        server.wait_for_log("RuntimeError: close() is broken")


def test_a_response_that_ends_with_its_worker_is_closed_and_refuses_write(
    tmp_path: Path,
) -> None:
    said = tmp_path / "said"

    class Writing:
        def __init__(self, write: Any) -> None:
            self.write = write

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x" * 8_000_000] * 4)

        def close(self) -> None:
            try:
                self.write(b"y")
            except Exception as error:
                said.write_text(repr(error))

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        def hear(*_: Any) -> None:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            raise RuntimeError("out of run()")

        signal.signal(signal.SIGUSR1, hear)
        return Writing(start_response("200 OK", GOOD))

    with serving(app) as server:
        server.expected_status = 99
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: server.score().sending, "the response to wait")
        os.kill(server.pid, signal.SIGUSR1)
        said_in_close = wait_until(lambda: said.exists() and said.read_text(), "close()")
        assert said_in_close == "RuntimeError('write() called outside of a response')"


@pytest.mark.parametrize("threads", [1, 2], ids=["one thread", "two"])
@pytest.mark.parametrize("when", ["at once", "when resumed"])
def test_an_error_of_the_server_ends_the_worker_and_closes_the_iterable(
    tmp_path: Path, threads: int, when: str
) -> None:
    """Such as lack of memory. Here it is the log that fails."""
    said = tmp_path / "said"

    class Failing(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if "went away" in record.msg:
                raise MemoryError("in the log")
            return True

    class Writing:
        def __init__(self, write: Any) -> None:
            self.write = write

        def __iter__(self) -> Iterator[bytes]:
            if when == "when resumed":
                yield b"x" * 8_000_000
            logging.getLogger().addFilter(Failing())
            self.write(b"x" * 8_000_000)

        def close(self) -> None:
            try:
                self.write(b"y")
            except Exception as error:
                with said.open("a") as file:
                    print(repr(error), file=file)

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        return Writing(start_response("200 OK", GOOD))

    with serving(app, threads=threads, send_timeout=0.2) as server:
        server.expected_status = 99
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        if when == "when resumed":
            client.take(8_000_000)
        server.wait_for_log("MemoryError('in the log')")
    assert said.read_text() == "RuntimeError('write() called outside of a response')\n"
