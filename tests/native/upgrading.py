"""A protocol, its client and its applications, for the tests of environ["rhebok.socket"]."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

from gateway_server import Client, Server

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n"
ASK = b"GET /shout HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: shout\r\n\r\n"


def shout(sock: socket.socket) -> None:
    """The protocol: bytes are sent back in capitals, until the client has finished."""
    sock.sendall(SWITCH)
    while data := sock.recv(5):
        sock.sendall(data.upper())


@contextlib.contextmanager
def upgraded(server: Server, early: bytes = b"") -> Iterator[Client]:
    """A client whose upgrade has been accepted. The worker serves nothing else until the block ends."""
    with server.client() as client:
        client.send(ASK + early)
        assert client.take(len(SWITCH)) == SWITCH
        yield client


def taking(use: Any) -> Any:
    """An application that calls use(socket, ...) if there is one. Otherwise it answers with the number of
    open descriptors."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if "rhebok.socket" in environ:
            return use(environ["rhebok.socket"], environ, start_response)
        start_response("200 OK", [])
        return [b"%d" % len(os.listdir("/proc/self/fd"))]

    return app
