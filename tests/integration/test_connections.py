"""What clients do to connections: pipeline, close one half, send byte by byte, reset, be too many."""

import resource
import socket
import struct
import threading

import pytest

from integration.apps.big import SIZE
from integration.conftest import Serve
from integration.http_client import head
from integration.processes import cpu_ticks, descriptors
from integration.server import Server
from integration.waiting import until

ADDRESSES = pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"], ids=["tcp", "unix"])

POST = head("POST", "/", Content_Length="100000") + b"x" * 100_000
CHUNKED = head("POST", "/", Transfer_Encoding="chunked") + b"5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"

RESETS = {
    "with half a head": b"GET / HT",
    "with half a body": head("POST", "/", Content_Length="1000") + b"x",
    "before reading the answer": head("GET", "/list"),
    "without a word": b"",
}


@ADDRESSES
def test_pipelined_requests_are_answered_in_order_though_the_client_reads_late(
    serve: Serve, bind: str
) -> None:
    server = serve("big", bind=bind)
    with server.client() as client:
        requests = (head("GET", "/list") + POST + CHUNKED + head("GET", "/")) * 3
        sender = threading.Thread(target=client.send, args=(requests,))
        sender.start()
        for _ in range(3):
            assert len(client.response().body) == SIZE
            assert client.response().body == b"x" * 100_000
            assert client.response().body == b"helloabc"
            assert client.response().body == b"small"
        sender.join()


@ADDRESSES
@pytest.mark.parametrize("path", ["/list", "/generator", "/file"])
def test_a_client_that_has_closed_its_half_gets_the_whole_answer(serve: Serve, bind: str, path: str) -> None:
    server = serve("big", bind=bind)
    with server.client() as client:
        client.send(head("GET", path))
        client.socket.shutdown(socket.SHUT_WR)
        assert len(client.response().body) == SIZE
        assert client.at_end()


@ADDRESSES
def test_requests_may_come_byte_by_byte(serve: Serve, bind: str) -> None:
    server = serve("big", bind=bind)
    with server.client() as client:
        for byte in CHUNKED + head("GET", "/"):
            client.send(bytes([byte]))
        assert client.response().body == b"helloabc"
        assert client.response().body == b"small"


@ADDRESSES
@pytest.mark.parametrize("sent", RESETS.values(), ids=RESETS.keys())
def test_resets_leave_nothing_behind(serve: Serve, bind: str, sent: bytes) -> None:
    server = serve("big", bind=bind)
    (worker,) = server.workers()
    server.get("/")
    before = until(lambda: descriptors(worker))
    for _ in range(50):
        with server.client() as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(sent)
    assert server.get("/").body == b"small"
    until(lambda: descriptors(worker) <= before, lambda: f"{before}, now {descriptors(worker)}")
    assert server.workers() == [worker]


def test_with_no_descriptor_left_new_clients_wait_and_the_worker_does_not_spin(serve: Serve) -> None:
    server = serve("big")
    (worker,) = server.workers()
    _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (30, hard))
    clients = [server.client() for _ in range(40)]
    for client in clients:
        client.send(b"GET / HT")
    until(lambda: descriptors(worker) >= 30, lambda: descriptors(worker))
    assert_idle(server, worker)
    for client in clients:
        client.send(b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for client in clients:  # those in the queue have their turn when the others are done
        assert client.response().body == b"small"
        client.close()


def assert_idle(server: Server, worker: int) -> None:
    """Within the time in which a spinning worker would use fifty ticks, it uses few."""
    with server.client() as waiting:
        waiting.socket.settimeout(0.5)
        before = cpu_ticks(worker)
        with pytest.raises(TimeoutError):
            waiting.socket.recv(1)
        assert cpu_ticks(worker) - before < 25
