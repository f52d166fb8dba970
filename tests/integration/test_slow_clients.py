"""One worker with one thread is held by nobody: not by half a head, half a body, an idle connection, or a
client that does not read. In the end each of them is served too."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration.apps.big import BLOCK, BLOCKS
from integration.conftest import Serve
from integration.http_client import Client, Response, head
from integration.processes import descriptors
from integration.server import Server
from integration.waiting import until

HALF_HEADS, HALF_BODIES, IDLE, NOT_READING = 200, 100, 50, 20

HEAD = head("GET", "/slow", X_Padding="x" * 200)
BODY = b"0123456789" * 20_000
CHUNKED = head("POST", "/", Transfer_Encoding="chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
COUNTED = head("POST", "/", Content_Length=str(len(BODY))) + BODY

ADDRESSES = pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"], ids=["tcp", "unix"])


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Closes all clients."""
    with ExitStack() as stack:
        yield stack


def answers_at_once(server: Server) -> bool:
    """A fresh connection stands behind all others in the listen queue: they have been accepted by then."""
    with server.client() as client:
        client.socket.settimeout(10)
        return client.get("/").body == b"small"


def half(crowd: ExitStack, server: Server, count: int, request: bytes) -> list[Client]:
    clients = [crowd.enter_context(server.client()) for _ in range(count)]
    for client in clients:
        client.send(request[: len(request) // 2])
    return clients


def complete(clients: list[Client], request: bytes) -> list[Response]:
    for client in clients:
        client.send(request[len(request) // 2 :])
    return [client.response() for client in clients]


def not_reading(crowd: ExitStack, server: Server, count: int, path: str) -> list[Client]:
    """Clients whose response has begun to come: their sockets are full, and the rest is with the server."""
    clients = [crowd.enter_context(Client(server.address, receive_buffer=65536)) for _ in range(count)]
    for client in clients:
        client.send(head("GET", path))
    for client in clients:
        status, _ = client.response_head()
        assert status == 200
    return clients


@ADDRESSES
def test_half_a_head_holds_nobody(serve: Serve, crowd: ExitStack, bind: str) -> None:
    server = serve("big", bind=bind)
    clients = half(crowd, server, HALF_HEADS, HEAD)
    assert answers_at_once(server)
    assert {response.body for response in complete(clients, HEAD)} == {b"small"}


@ADDRESSES
@pytest.mark.parametrize("request_", [COUNTED, CHUNKED], ids=["content-length", "chunked"])
def test_half_a_body_holds_nobody(serve: Serve, crowd: ExitStack, bind: str, request_: bytes) -> None:
    server = serve("big", "--body-buffer", "65536", bind=bind)
    clients = half(crowd, server, HALF_BODIES, request_)
    assert answers_at_once(server)
    assert {response.body for response in complete(clients, request_)} == {BODY}


@ADDRESSES
def test_idle_connections_hold_nobody(serve: Serve, crowd: ExitStack, bind: str) -> None:
    server = serve("big", bind=bind)
    clients = [crowd.enter_context(server.client()) for _ in range(IDLE)]
    for client in clients:
        client.get("/")
    assert answers_at_once(server)
    assert all(client.get("/").body == b"small" for client in clients)


@ADDRESSES
@pytest.mark.parametrize("path", ["/list", "/generator", "/file"])
def test_clients_that_do_not_read_hold_nobody(serve: Serve, crowd: ExitStack, bind: str, path: str) -> None:
    server = serve("big", bind=bind)
    clients = not_reading(crowd, server, NOT_READING, path)
    assert answers_at_once(server)
    for client in clients:
        body = b"".join(iter(client.chunk, b"")) if path == "/generator" else client.read(len(BLOCK) * BLOCKS)
        assert body == BLOCK * BLOCKS


@ADDRESSES
def test_all_of_them_together_hold_nobody(serve: Serve, crowd: ExitStack, bind: str) -> None:
    server = serve("big", "--body-buffer", "65536", bind=bind)
    heads = half(crowd, server, HALF_HEADS, HEAD)
    bodies = half(crowd, server, HALF_BODIES, COUNTED)
    idle = [crowd.enter_context(server.client()) for _ in range(IDLE)]
    for client in idle:
        client.get("/")
    for path in ("/list", "/generator", "/file"):
        not_reading(crowd, server, NOT_READING, path)  # they never will
    assert answers_at_once(server)
    assert {response.body for response in complete(bodies, COUNTED)} == {BODY}
    assert {response.body for response in complete(heads, HEAD)} == {b"small"}
    assert all(client.get("/").body == b"small" for client in idle)
    crowd.close()  # those that did not read are gone, and their responses with them
    assert answers_at_once(server)


def test_clients_that_leave_in_the_middle_leave_nothing_behind(serve: Serve, crowd: ExitStack) -> None:
    server = serve("big")
    (worker,) = server.workers()
    assert answers_at_once(server)
    before = until(lambda: descriptors(worker))
    for path in ("/list", "/generator", "/file"):
        for client in not_reading(crowd, server, NOT_READING, path):
            client.close()
        assert answers_at_once(server)
    for request in (HEAD, COUNTED, CHUNKED):
        for client in half(crowd, server, NOT_READING, request):
            client.close()
    assert answers_at_once(server)
    until(lambda: descriptors(worker) <= before, lambda: f"{before}, now {descriptors(worker)}")
