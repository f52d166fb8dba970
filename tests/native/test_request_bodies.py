"""wsgi.input, for bodies in memory and in a file."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from gateway_server import serving


def digest(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [f"{len(body)} {hashlib.sha256(body).hexdigest()} {environ['CONTENT_LENGTH']}".encode()]


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 5000, 65536, 200_000, 1 << 20, (1 << 20) + 1, 3_000_000])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies_of_all_sizes_arrive_whole(size: int, coding: str) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    head = b"POST / HTTP/1.1\r\nHost: h\r\n"
    expected = f"{size} {hashlib.sha256(body).hexdigest()} {size}".encode()
    with serving(digest) as server, server.client() as client:
        for _ in range(2):  # and the connection is good for another
            if coding == "length":
                client.send(head + b"Content-Length: %d\r\n\r\n" % size + body)
            else:
                client.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, 7000))
            assert client.response().body == expected


@pytest.mark.parametrize("body_buffer", [0, 10, 1 << 20])
def test_input_reads_like_a_file(body_buffer: int) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        file = environ["wsgi.input"]
        seen = [file.read(3), file.readline(), file.readline(2)]
        seen += [file.readlines(), file.read(), file.readline()]
        file.seek(0)
        seen += [list(file), file.read(5)]
        start_response("200 OK", [])
        return [repr(seen).encode()]

    with serving(app, body_buffer=body_buffer) as server, server.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nabcdef\nghijk\nlmn\nopq")
        assert client.response().body.decode() == repr(
            [
                b"abc",
                b"def\n",
                b"gh",
                [b"ijk\n", b"lmn\n", b"opq"],
                b"",
                b"",
                [b"abcdef\n", b"ghijk\n", b"lmn\n", b"opq"],
                b"",
            ]
        )


def test_an_absent_body_reads_as_an_empty_file() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        file = environ["wsgi.input"]
        file.close()
        start_response("200 OK", [])
        return [repr((file.read(), file.read(9), file.readline(), file.readlines(), list(file))).encode()]

    with serving(app) as server:
        assert server.get().body.decode() == repr((b"", b"", b"", [], []))
        assert server.get().body.decode() == repr((b"", b"", b"", [], []))


def test_a_body_that_the_application_does_not_read_is_skipped() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    with serving(app) as server, server.client() as client:
        client.send(
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        assert client.response().body == b"/a"
        assert client.response().body == b"/b"


def test_an_input_that_the_application_keeps_stays_readable() -> None:
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        kept.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return [b"".join(file.read() for file in kept[:-1])]

    with serving(app, body_buffer=100) as server, server.client() as client:
        for body in (b"inline", b"f" * 1000):
            client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            client.response()
        assert client.get().body == b"f" * 1000


def test_a_body_longer_than_the_limit_is_refused_before_it_is_sent() -> None:
    with serving(digest, limit_request_body=10) as server, server.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
        assert client.response().status == 413
        assert client.closed()
    with serving(digest, limit_request_body=10) as server, server.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n")
        client.send(b"6\r\nabcdef\r\n")
        assert client.response().status == 413


def test_expect_100_continue_is_answered_before_the_body_is_read() -> None:
    with serving(digest) as server, server.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.take_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert client.response().body.startswith(b"3 ")
