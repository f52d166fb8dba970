"""Deploys that come faster than the generations before them end."""

from collections.abc import Iterator

import pytest
from integration.http_client import Client
from integration.waiting import until

from deploy.site import Site
from deploy.supervisors import Supervised, start

WHOLE = 256 * 65536


@pytest.fixture
def running(site: Site) -> Iterator[Supervised]:
    supervised = start("rhebok", site, "tcp", "--workers", "1", "--max-old-generations", "2")
    yield supervised
    supervised.end()
    print(supervised.log)


def client_of_another(running: Supervised, pids: set[bytes]) -> Client | None:
    """A connection to a worker that is not one of these; its pid becomes one of them. An old worker accepts
    until it has its signal."""
    client = Client(running.address, receive_buffer=4096)
    pid = client.get("/").body.split()[1]
    if pid in pids:
        client.close()
        return None
    pids.add(pid)
    return client


def test_old_generations_are_bounded(running: Supervised) -> None:
    """The oldest beyond the bound is stopped at once; the others finish their downloads."""
    clients: list[Client] = []
    pids: set[bytes] = set()
    for generation in range(1, 4):
        client = until(lambda: client_of_another(running, pids), lambda: running.log)
        assert client
        clients.append(client)
        client.send(b"GET /download HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.response_head()[0] == 200
        running.deploy()
        running.wait_for(rf"generation {generation + 1} \(pid \d+\) serves")
    running.wait_for(r"generation 1 \(pid \d+\) is one too many that still ends")
    running.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
    assert len(clients[0].rest()) < WHOLE
    assert [sum(map(len, iter(client.chunk, b""))) for client in clients[1:]] == [WHOLE, WHOLE]
    running.wait_for(r"generation [23] \(pid \d+\) exited with status 0", 2)
    running.judge()
    for client in clients:
        client.close()
