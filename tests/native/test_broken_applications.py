"""Applications that fail or break the rules of PEP 3333: the client gets a 500 or sees that the response is
incomplete, the log gets a traceback, and the worker serves on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gateway_server import Server, serving

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
def test_a_broken_application_is_answered_500_and_logged_and_the_connection_stays_open(
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


class FailingClose(list):  # type: ignore[type-arg]
    """A response whose close() raises."""

    def close(self) -> None:
        raise RuntimeError("close() is broken")


def test_an_error_that_cannot_be_logged_is_answered_like_other_errors() -> None:
    """RecursionError is the one exception that logging does not catch."""

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
        return FailingClose([b"fine"])

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


def test_start_response_and_write_raise_after_the_end_of_their_response() -> None:
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


def test_a_target_is_logged_without_control_characters() -> None:
    with serving(app_of({"raises": raises}), log_queries=True) as server:
        assert server.get("/raises?\x85\x9b2J").status == 500
        server.wait_for_log("request GET /raises?\\x85\\x9b2J\n")


def test_a_client_that_disconnects_during_write_is_no_error_of_the_application() -> None:
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
