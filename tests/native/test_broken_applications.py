"""Applications that break the rules, or break: a 500 and a traceback, or a connection that visibly
ends; close() exactly once; and the worker lives."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Server, serving, wait_until

GOOD = [("Content-Type", "text/plain")]


def app_of(behaviours: dict[str, Callable[..., Any]]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        behaviour = behaviours.get(environ["PATH_INFO"][1:])
        if behaviour is None:
            start_response("200 OK", GOOD)
            return [b"alive"]
        return behaviour(environ, start_response)

    return app


def raises(_environ: Any, _start_response: Any) -> Any:
    raise RuntimeError("the application is broken")


def exits(_environ: Any, _start_response: Any) -> Any:
    sys.exit(3)


def raises_after_start(_environ: Any, start_response: Any) -> Any:
    start_response("200 OK", GOOD)
    raise RuntimeError("the application is broken")


def raises_in_first_block(_environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", GOOD)
    raise RuntimeError("the application is broken")
    yield b""


def never_starts(_environ: Any, _start_response: Any) -> Any:
    return [b"body"]


def never_starts_iterating(_environ: Any, _start_response: Any) -> Iterator[bytes]:
    yield b"body"


def starts_twice(_environ: Any, start_response: Any) -> Any:
    start_response("200 OK", GOOD)
    start_response("200 OK", GOOD)
    return []


def starting(status: Any, headers: Any) -> Callable[..., Any]:
    def behaviour(_environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return [b"body"]

    return behaviour


def returning(result: Any) -> Callable[..., Any]:
    def behaviour(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        return result

    return behaviour


def writes_text(_environ: Any, start_response: Any) -> Any:
    start_response("200 OK", GOOD)("text")
    return []


BROKEN: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (raises, "RuntimeError: the application is broken"),
    "exits": (exits, "SystemExit: 3"),
    "raises_after_start": (raises_after_start, "RuntimeError"),
    "raises_in_first_block": (raises_in_first_block, "RuntimeError"),
    "never_starts": (never_starts, "did not call start_response"),
    "never_starts_iterating": (never_starts_iterating, "did not call start_response"),
    "starts_twice": (starts_twice, "start_response() called twice"),
    "status_bytes": (starting(b"200 OK", GOOD), "status must be str"),
    "status_number": (starting("OK", GOOD), "status must be three digits"),
    "status_informational": (starting("100 Continue", GOOD), "status must be three digits"),
    "status_injection": (starting("200 OK\r\nX: 1", GOOD), "status must be three digits"),
    "headers_tuple": (starting("200 OK", tuple(GOOD)), "must be a list"),
    "headers_dict": (starting("200 OK", {"A": "b"}), "must be a list"),
    "header_triple": (starting("200 OK", [("A", "b", "c")]), "must be a tuple of name and value"),
    "header_list": (starting("200 OK", [["A", "b"]]), "must be a tuple of name and value"),
    "name_bytes": (starting("200 OK", [(b"A", "b")]), "response header name must be str"),
    "value_number": (starting("200 OK", [("Content-Length", 4)]), "response header value must be str"),
    "name_injection": (starting("200 OK", [("A\r\nB", "b")]), "is not a token"),
    "name_space": (starting("200 OK", [("A B", "b")]), "is not a token"),
    "name_empty": (starting("200 OK", [("", "b")]), "is not a token"),
    "value_crlf": (starting("200 OK", [("A", "b\r\nSet-Cookie: c")]), "has a control character"),
    "value_lf": (starting("200 OK", [("A", "b\nc")]), "has a control character"),
    "value_nul": (starting("200 OK", [("A", "b\0c")]), "has a control character"),
    "value_wide": (starting("200 OK", [("A", "\u3042")]), "outside latin-1"),
    "length_junk": (starting("200 OK", [("Content-Length", "4x")]), "Content-Length"),
    "length_twice": (
        starting("200 OK", [("Content-Length", "4"), ("content-length", "5")]),
        "Content-Length",
    ),
    "returns_none": (returning(None), "TypeError"),
    "returns_text": (returning("text"), "not bytes"),
    "list_of_text": (returning(["text"]), "not bytes"),
    "list_of_none": (returning([None]), "not bytes"),
    "iterator_of_text": (returning(iter(["text"])), "not bytes"),
    "iterator_of_none": (returning(iter([None])), "not bytes"),
    "writes_text": (writes_text, "write() takes bytes"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(app_of({name: behaviour for name, (behaviour, _) in BROKEN.items()})) as server:
        yield server


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_application_gets_a_500_and_a_traceback_and_the_connection_lives(
    server: Server, name: str
) -> None:
    with server.client() as client:
        response = client.get(f"/{name}")
        assert response.status == 500
        assert response.body == b"Internal Server Error\n"
        assert not {"set-cookie", "x"} & {key.lower() for key, _ in response.headers}
        assert client.get("/").body == b"alive"
    log = server.wait_for_log(f"error in the application, request GET /{name}\n")
    told = log[log.index(f"error in the application, request GET /{name}\n") :]
    assert BROKEN[name][1] in told
    assert "Traceback (most recent call last)" in told


def test_an_error_after_the_first_block_ends_the_connection_before_the_body_is_whole() -> None:
    def breaks(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", GOOD)
        yield b"a block"
        raise RuntimeError("too late")

    with serving(app_of({"breaks": breaks})) as server:
        with server.client() as client, pytest.raises(EOFError):
            client.get("/breaks")
        with server.client() as client, pytest.raises(ConnectionResetError):
            client.get("/breaks", version="1.0")
        server.wait_for_log("RuntimeError: too late")
        assert server.get().body == b"alive"


def test_an_error_that_cannot_be_logged_is_an_error_like_others() -> None:
    """RecursionError is the one that logging lets through."""

    class Unspeakable(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.exc_info:
                raise RecursionError("such a traceback cannot be written")
            return True

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/deep":
            logging.getLogger().addFilter(Unspeakable())
            raise RuntimeError("the application is broken")
        start_response("200 OK", GOOD)
        return Closing([b"fine"], 2, error=True)

    with serving(app) as server, server.client() as client:
        assert client.get("/deep").status == 500
        assert client.get().body == b"fine"
        assert client.get().body == b"fine"


def test_exc_info_replaces_the_head_before_it_is_sent_and_raises_afterwards() -> None:
    def replaces(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError("application error")
        except ValueError:
            start_response("503 Service Unavailable", GOOD, sys.exc_info())
        return [b"sorry"]

    def too_late(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", GOOD)
        yield b"a block"
        try:
            raise ValueError("application error")
        except ValueError:
            start_response("503 Service Unavailable", GOOD, sys.exc_info())

    with serving(app_of({"replaces": replaces, "too_late": too_late})) as server:
        response = server.get("/replaces")
        assert (response.status, response.body) == (503, b"sorry")
        assert response.header("X-First") is None
        with server.client() as client, pytest.raises(EOFError):
            client.get("/too_late")
        server.wait_for_log("ValueError: application error")


def test_what_the_application_kept_of_a_response_is_refused_after_its_end() -> None:
    kept: list[Any] = []

    def keeps(_environ: Any, start_response: Any) -> Any:
        kept.append(start_response)
        kept.append(start_response("200 OK", GOOD))
        return [b"kept"]

    def abuses(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        refused = []
        for call, arguments in ((kept[0], ("200 OK", GOOD)), (kept[1], (b"intruder",))):
            try:
                call(*arguments)
            except RuntimeError as error:
                refused.append(str(error))
        kept.clear()
        return ["; ".join(refused).encode()]

    with serving(app_of({"keeps": keeps, "abuses": abuses})) as server, server.client() as client:
        assert client.get("/keeps").body == b"kept"
        assert client.get("/abuses").body == (
            b"start_response() called after the response has ended; write() called outside of a response"
        )
        assert client.get("/").body == b"alive"


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


def test_a_target_is_logged_without_control_characters() -> None:
    with serving(app_of({"raises": raises})) as server:
        assert server.get("/raises?\x85\x9b2J").status == 500
        server.wait_for_log("request GET /raises?\\x85\\x9b2J\n")


def test_an_error_in_close_is_logged_and_the_response_stands() -> None:
    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        return Closing([b"fine"], 2, error=True)

    with serving(app) as server, server.client() as client:
        assert client.get().body == b"fine"
        assert client.get().body == b"fine"
        server.wait_for_log("RuntimeError: close() is broken")


def test_a_client_that_goes_away_during_write_is_no_error_of_the_application() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", GOOD)
        while environ["PATH_INFO"] == "/endless":
            write(b"w" * 100_000)
        return [b"alive"]

    with serving(app) as server:
        with server.client() as client:
            client.send(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
            client.take(1_000_000)
        server.wait_for_log("the client went away during write()")
        assert server.get().body == b"alive"
        assert "Traceback" not in server.log()


def test_a_block_that_slices_in_its_own_way_is_cut_at_the_content_length() -> None:
    class Block(bytes):
        def __getitem__(self, _place: Any) -> Any:
            return None

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "3")])
        return iter([Block(b"abcdef")])

    with serving(app) as server, server.client() as client:
        assert client.get().body == b"abc"
        assert client.get().body == b"abc"


def test_a_response_that_is_given_up_with_its_worker_takes_no_more_from_the_application(
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
        wait_until(said.exists, "close()")
        assert said.read_text() == "RuntimeError('write() called outside of a response')"


@pytest.mark.parametrize("threads", [1, 2], ids=["one thread", "two"])
@pytest.mark.parametrize("when", ["at once", "when resumed"])
def test_a_fault_within_the_server_ends_the_worker_and_closes_the_iterable(
    tmp_path: Path, threads: int, when: str
) -> None:
    """Lack of memory at the worst place, for instance. Here it is the log that fails."""
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
