"""Fixtures: servers that are stopped and judged at the end of the test, gates, and workers that are held."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from integration.crew import Crew
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


class MakeCrew(Protocol):
    """Starts apps/held.py with so many workers and threads."""

    def __call__(
        self, *options: str, workers: int = 3, threads: int = 1, bind: str = "127.0.0.1:0"
    ) -> Crew: ...


@pytest.fixture
def crew(serve: Serve, tmp_path: Path) -> Iterator[MakeCrew]:
    crews: list[Crew] = []

    def make(*options: str, workers: int = 3, threads: int = 1, bind: str = "127.0.0.1:0") -> Crew:
        # Nobody at a gate is interrupted before the test has given up.
        options = ("--threads", str(threads), "--timeout", "120", *options)
        server = serve("held", *options, workers=workers, bind=bind, GATES=str(tmp_path))
        crews.append(Crew(server, tmp_path, threads))
        return crews[-1]

    yield make
    for one in crews:
        one.end()
