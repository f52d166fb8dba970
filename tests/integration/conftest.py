"""Fixtures: servers that are stopped and judged at the end of the test, and gates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from integration.gate import Gate
from integration.server import Server


class Serve(Protocol):
    """Starts `rhebok app` in the test's directory; see Server for the arguments."""

    def __call__(self, app: str, *options: str, **arguments: Any) -> Server: ...


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(app: str, *options: str, **arguments: Any) -> Server:
        server = Server(app, *options, directory=tmp_path, **arguments)
        servers.append(server)
        return server

    yield start
    try:
        for server in servers:
            server.judge()
    finally:
        for server in servers:
            server.end()
            print(f"--- log of {server.pid}\n{server.log}")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)
