"""Clients of --metrics-bind that are slow, silent or hostile: none keeps another one waiting."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import pytest

from integration.conftest import Serve
from integration.http_client import Address, Client
from integration.measured import SOME_PORT, ask, metrics_address, metrics_process


@contextmanager
def silent_clients(address: Address, count: int, say: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(count)]
        for sock in socks:
            sock.sendall(say)
        yield socks


@pytest.mark.parametrize("say", [b"", b"GET /livez HT"], ids=["silent", "slow"])
def test_clients_that_say_nothing_keep_nobody_waiting(serve: Serve, say: bytes) -> None:
    server = serve("gated", *SOME_PORT)
    with silent_clients(metrics_address(server), 150, say):
        started = time.monotonic()
        assert ask(server, "/livez").status == 200
        assert time.monotonic() - started < 2
        pid = metrics_process(server)
        assert len(os.listdir(f"/proc/{pid}/fd")) < 80


def test_a_client_that_does_not_read_keeps_nobody_waiting(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT)
    with silent_clients(metrics_address(server), 20, b"GET /metrics HTTP/1.0\r\n\r\n"):
        assert ask(server, "/livez").status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPStatus.NOT_FOUND),
        (b"PUT /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", HTTPStatus.METHOD_NOT_ALLOWED),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", HTTPStatus.BAD_REQUEST),
        (b"GET /livez HTTP/1.1\r\nX: " + b"a" * 100_000, HTTPStatus.BAD_REQUEST),
        (b"GET /livez HTTP/1.1\r\n\r\n" * 10_000, HTTPStatus.BAD_REQUEST),
        (b"nonsense\r\n\r\n", HTTPStatus.BAD_REQUEST),
    ],
)
def test_a_request_that_is_refused_gets_its_status(serve: Serve, data: bytes, status: HTTPStatus) -> None:
    server = serve("gated", *SOME_PORT)
    with Client(metrics_address(server)) as client:
        client.send(data)
        assert client.response().status == status.value
    assert ask(server, "/livez").status == 200


def test_half_a_request_is_answered_in_the_end(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT)
    with Client(metrics_address(server)) as client:
        client.send(b"GET /livez HTTP/1.1\r\nHost:")
        assert client.response().status == 408
