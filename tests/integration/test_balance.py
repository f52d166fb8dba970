"""Connections that stay are spread over the workers, however they come."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from integration.crew import ask
from integration.http_client import Client, head
from integration.owners import name, owners, server_ends, sockets_of
from integration.server import Server
from integration.waiting import until

pytestmark = pytest.mark.needs("ss")

WORKERS = 4
COUNTS = (16, 64)
FULLEST_OVER_MEAN = 1.2
SECONDS = 5.0  # in which it is reached, once all are accepted
APART = 0.015

SERVERS = {
    f"{name}-{threads}": (bind, threads)
    for name, bind in {"tcp": "127.0.0.1:0", "unix": "unix:app.sock"}.items()
    for threads in ("1", "4")
}


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS.keys())
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    bind, threads = request.param
    directory = tmp_path_factory.mktemp("balance")
    running = Server("held", "--threads", threads, directory=directory, workers=WORKERS, bind=bind)
    try:
        yield running
        running.judge()
    finally:
        running.end()
        print(running.log)


@pytest.fixture
def clients(server: Server) -> Iterator[list[Client]]:
    """A list to fill; afterwards the workers have no connection any more."""
    found: list[Client] = []
    yield found
    known = server_ends(server.address)
    ends = {known.get(name(client), 0) for client in found}
    for client in found:
        client.close()
    until(lambda: not any(sockets_of(pid) & ends for pid in server.workers()))


def join_slowly(server: Server, count: int, asking: bool) -> Iterator[Client]:
    for _ in range(count):
        client = server.client()
        if asking:
            ask(client)
        yield client
        time.sleep(APART)  # this is the load, nothing is waited for


def join_at_once(server: Server, count: int, asking: bool) -> Iterator[Client]:
    joined = [server.client() for _ in range(count)]
    if asking:
        for client in joined:
            client.send(head("GET", "/"))
        for client in joined:
            assert client.response().status == 200
    yield from joined


def shares(server: Server, clients: list[Client]) -> Counter[int]:
    """Connections by worker; 0 has those that nobody has accepted."""
    return Counter(owners(server.address, server.workers(), clients))


def fullest_over_mean(found: Counter[int]) -> float:
    return max(found.values()) / (found.total() / WORKERS)


@pytest.mark.parametrize("asking", [False, True], ids=["silent", "asking"])
@pytest.mark.parametrize("join", [join_slowly, join_at_once], ids=["slowly", "at-once"])
def test_connections_that_stay_are_spread(
    server: Server,
    clients: list[Client],
    join: Callable[[Server, int, bool], Iterator[Client]],
    asking: bool,
) -> None:
    for count in COUNTS:
        clients.extend(join(server, count - len(clients), asking))
        until(lambda: 0 not in shares(server, clients), lambda: shares(server, clients))
        until(
            lambda: fullest_over_mean(shares(server, clients)) <= FULLEST_OVER_MEAN,
            lambda: shares(server, clients),
            seconds=SECONDS,
        )
    for client in clients:
        ask(client)
