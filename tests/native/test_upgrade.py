"""environ["rhebok.socket"]: the connection of a client that asks for an upgrade (RFC 9110 section 7.8)."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Server, serving, wait_until
from upgrading import ASK, SWITCH, shout, taking, upgraded


def shouting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    sock = environ.get("rhebok.socket")
    if environ["PATH_INFO"] == "/shout" and sock is not None:
        shout(sock)
        return []
    start_response("200 OK", [])
    return [b"no socket" if sock is None else b"not taken"]


@pytest.fixture(scope="module", params=[False, True], ids=["tcp", "unix"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(shouting, unix=request.param) as server:
        yield server


def test_the_application_speaks_its_protocol_on_the_connection(server: Server) -> None:
    with upgraded(server) as client:
        for word in (b"hello", b"x" * 100_000, b"bye"):
            client.send(word)
            assert client.take(len(word)) == word.upper()
        client.socket.shutdown(socket.SHUT_WR)
        assert client.closed()
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("early", [b"a", b"words that came at once", b"x" * 60_000])
def test_bytes_that_followed_the_request_are_received_first(server: Server, early: bytes) -> None:
    with upgraded(server, early) as client:
        client.send(b" and more")
        assert client.take(len(early) + 9) == (early + b" and more").upper()


def test_bytes_that_followed_a_head_in_pieces_are_received_first(server: Server) -> None:
    with server.client() as client:
        client.send(ASK[:40])
        assert server.get().status == 200  # so the head is parked
        client.send(ASK[40:] + b"early")
        assert client.take(len(SWITCH) + 5) == SWITCH + b"EARLY"


def test_a_kept_alive_connection_may_be_upgraded(server: Server) -> None:
    with server.client() as client:
        assert client.get().body == b"no socket"
        assert server.get().status == 200  # so it is parked as idle
        client.send(ASK)
        assert client.take(len(SWITCH)) == SWITCH
        client.send(b"hello")
        assert client.take(5) == b"HELLO"


def test_an_application_that_does_not_use_the_socket_answers_normally(server: Server) -> None:
    with server.client() as client:
        for _ in range(3):
            assert client.get("/", "Connection: upgrade", "Upgrade: shout").body == b"not taken"
            assert client.get().body == b"no socket"


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        (["Upgrade: shout"], "1.1"),
        (["Connection: upgrade"], "1.1"),
        (["Connection: upgraded", "Upgrade: shout"], "1.1"),
        (["Connection: upgrade", "Upgrade: shout"], "1.0"),
    ],
)
def test_a_request_that_asks_for_no_upgrade_is_offered_no_socket(
    server: Server, fields: list[str], version: str
) -> None:
    assert server.get("/", *fields, version=version).body == b"no socket"


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_a_request_with_a_body_is_offered_no_socket(server: Server, body: bytes) -> None:
    with server.client() as client:
        client.send(ASK[:-2] + body)
        assert client.response().body == b"no socket"


def test_the_application_sees_that_the_client_has_disconnected(server: Server) -> None:
    with upgraded(server) as client:
        client.socket.close()
        assert server.get().body == b"no socket"  # by the same worker


def test_the_access_log_has_a_101_after_the_end(tmp_path: Path) -> None:
    log = tmp_path / "access"
    settings = {"access_logfile": str(log), "access_logformat": "%(r)s %(s)s %(B)s %({date}o)s"}
    with serving(shouting, **settings) as server:
        with upgraded(server):
            pass
        assert server.get().status == 200
    first, second = log.read_text().splitlines()
    assert first == "GET /shout HTTP/1.1 101 0 -"
    assert second.startswith("GET / HTTP/1.1 200 9 ")


@pytest.mark.parametrize("early", [b"", b"early"])
def test_no_descriptor_is_left_open(early: bytes) -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        select.select([sock], [], [], 0)
        if "HTTP_CLOSES" in environ:
            sock.close()
        return []

    with serving(taking(use)) as server:
        before = server.get().body
        for closes in (b"", b"Closes: yes\r\n"):
            for _ in range(5):
                with server.client() as client:
                    client.send(ASK[:-2] + closes + b"\r\n" + early)
                    client.rest()
        wait_until(lambda: server.get().body == before, "as many descriptors as before")


def test_close_is_seen_by_the_client_before_the_application_returns(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        sock.sendall(SWITCH)
        sock.close()
        gate.read_bytes()
        return []

    with serving(taking(use)) as server:
        with upgraded(server) as client:
            assert client.closed()
            gate.write_bytes(b"go on")
        assert server.get().status == 200


def test_the_connection_ends_with_the_request_although_the_application_keeps_the_socket() -> None:
    """A view may fail while a thread of its library still reads: that thread has to end too."""
    kept: list[Any] = []
    ended: list[bytes] = []

    def read(sock: socket.socket) -> None:
        ended.append(sock.recv(10))

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if "rhebok.socket" in environ:
            kept.append(environ["rhebok.socket"])
            kept[0].sendall(SWITCH)
            threading.Thread(target=read, args=(kept[0],)).start()
            return []
        start_response("200 OK", [])
        return [repr(ended).encode()]

    with serving(app) as server, upgraded(server) as client:  # it neither sends nor closes any more
        assert client.closed()
        wait_until(lambda: server.get().body == b"[b'']", "the end of the thread")


def test_a_response_by_wsgi_is_not_sent_after_the_upgrade() -> None:
    """Frameworks send one, because their views must return a response."""

    class Body:
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            yield b"a response"

        def close(self) -> None:
            Body.closed += 1

    def use(sock: Any, environ: Any, start_response: Any) -> Any:
        sock.sendall(SWITCH)
        start_response("200 OK", [("Content-Length", "10")])
        return {"/list": [b"a response"], "/shout": Body()}[environ["PATH_INFO"]]

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if "rhebok.socket" in environ:
            return use(environ["rhebok.socket"], environ, start_response)
        start_response("200 OK", [])
        return [b"%d" % Body.closed]

    with serving(app) as server:
        with upgraded(server) as client:
            assert client.rest() == b""
        with server.client() as client:
            client.send(ASK.replace(b"/shout", b"/list"))
            assert client.rest() == SWITCH
            assert server.get().body == b"1"
            assert "Traceback" not in server.log()


def test_a_generator_may_use_the_socket() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        shout(environ["rhebok.socket"])
        yield b"nobody reads this"

    with serving(app) as server, upgraded(server) as client:
        client.send(b"hello")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == b"HELLO"
        assert "Traceback" not in server.log()


def test_an_exception_ends_the_connection_and_is_logged() -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        sock.sendall(SWITCH)
        raise KeyError("in the middle")

    with serving(taking(use)) as server:
        with upgraded(server) as client:
            assert client.rest() == b""
        assert server.get().status == 200
        assert server.log().count("KeyError: 'in the middle'") == 1


@pytest.mark.parametrize("early", [True, False], ids=["after the response began", "after the response"])
def test_the_socket_cannot_be_used_after_the_response_has_begun(early: bool) -> None:
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if kept:
            try:
                kept[0].fileno()
            except RuntimeError as error:
                start_response("200 OK", [])
                yield str(error).encode()
                return
        start_response("200 OK", [])
        yield b"a"
        if early:
            environ["rhebok.socket"].recv(1)
        kept.append(environ["rhebok.socket"])

    with serving(app) as server, server.client() as client:
        client.send(ASK)
        if early:
            assert client.rest().endswith(b"1\r\na\r\n")  # a broken response
            assert "can be taken once, before its response has begun" in server.log()
        else:
            assert client.response().body == b"a"
            assert b"can be taken once" in client.get().body


def test_early_hints_that_wait_are_sent_before_the_bytes_of_the_application() -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        for _ in range(2000):
            environ["wsgi.early_hints"]([("X", "y" * 8000)])
        shout(sock)
        return []

    with serving(taking(use)) as server, server.client(receive_buffer=4096) as client:
        client.send(ASK)
        client.socket.shutdown(socket.SHUT_WR)
        *hints, last = client.rest().split(b"HTTP/1.1 ")[1:]
        assert set(hints) == {b"103 Early Hints\r\nX: " + b"y" * 8000 + b"\r\n\r\n"}
        assert b"HTTP/1.1 " + last == SWITCH
