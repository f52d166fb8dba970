"""A hostile client in one process: `python -m bench.uploader ADDRESS`. Used by uploads.py.

The address is HOST:PORT or a path. It sends a chunked body of one-byte chunks without end, as fast as the
server takes it. It prints "ready" when the body has begun, and connects again when the server ends the
connection.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Sequence

from bench.process import Address, connect

HEAD = b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"1\r\nx\r\n" * 10_000


def parse_address(text: str) -> Address:
    """HOST:PORT or the path of a unix socket."""
    host, colon, port = text.rpartition(":")
    return (host, int(port)) if colon else text


def upload(connection: socket.socket) -> None:
    """An endless body, until the server ends the connection."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(HEAD + CHUNKS)
        print("ready", flush=True)
        while True:
            connection.sendall(CHUNKS)


def main(arguments: Sequence[str]) -> None:
    """Until it is ended by a signal, or until nobody listens any more (ConnectionError)."""
    address = parse_address(arguments[0])
    while True:
        with connect(address, 60) as connection:
            upload(connection)


if __name__ == "__main__":
    main(sys.argv[1:])
