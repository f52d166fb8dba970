"""--max-connections: who goes, who waits, and what it costs; and what becomes of a silent client."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration.conftest import Serve
from integration.http_client import Client, head
from integration.processes import cpu_ticks, files
from integration.server import Server
from integration.waiting import until

ADDRESSES = pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"], ids=["tcp", "unix"])


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def half_heads(clients: ExitStack, server: Server, count: int) -> list[Client]:
    halves = [clients.enter_context(server.client()) for _ in range(count)]
    for client in halves:
        client.send(b"GET / HT")
    return halves


def ask(clients: ExitStack, server: Server) -> Client:
    """Has sent a request and has no answer yet."""
    client = clients.enter_context(server.client())
    client.send(head("GET", "/"))
    return client


def has_answer(client: Client, seconds: float) -> bool:
    client.socket.settimeout(seconds)
    try:
        return client.socket.recv(1) == b"H"
    except TimeoutError:
        return False


@ADDRESSES
def test_at_the_limit_the_longest_idle_connection_is_closed(
    serve: Serve, clients: ExitStack, bind: str
) -> None:
    server = serve("big", "--max-connections", "3", bind=bind)
    idle = [clients.enter_context(server.client()) for _ in range(3)]
    for client in idle:
        client.get("/")
    assert server.get("/").body == b"small"
    assert idle[0].at_end()
    assert all(client.get("/").body == b"small" for client in idle[1:])


@ADDRESSES
def test_when_none_is_idle_a_client_waits_until_one_goes_and_the_worker_sleeps(
    serve: Serve, clients: ExitStack, bind: str
) -> None:
    server = serve("big", "--max-connections", "3", bind=bind)
    (worker,) = server.workers()
    halves = half_heads(clients, server, 3)
    waiting = ask(clients, server)
    before = cpu_ticks(worker)
    assert not has_answer(waiting, 0.5)
    assert cpu_ticks(worker) - before < 10
    halves[0].close()
    assert has_answer(waiting, 10)


def test_another_worker_serves_meanwhile(serve: Serve, clients: ExitStack) -> None:
    server = serve("big", "--max-connections", "2", workers=2)
    half_heads(clients, server, 3)
    started = time.monotonic()
    for _ in range(20):
        assert server.get("/").body == b"small"
    assert time.monotonic() - started < 5  # each second every worker looks at the queue anyway


def test_the_limit_of_open_files_is_raised_for_it(serve: Serve) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = max(int(file.name) for file in files(os.getpid())) + 64  # it is ours too while the server starts
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, before[1]))
    try:
        server = serve("big", "--max-connections", str(low))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    (worker,) = server.workers()
    assert resource.prlimit(worker, resource.RLIMIT_NOFILE)[0] >= 2 * low


def test_a_silent_client_is_closed_without_a_word(serve: Serve, clients: ExitStack) -> None:
    """Over TCP the kernel shows a connection that says nothing only after a second (TCP_DEFER_ACCEPT)."""
    server = serve("big", "--header-timeout", "0.2")
    client = clients.enter_context(server.client())
    started = time.monotonic()
    assert client.at_end()
    assert time.monotonic() - started < 5
    until(lambda: server.get("/").body == b"small")
