"""What is known of a connection goes with it: peer, listener, the number of its requests."""

import socket
import struct

import pytest

from integration.conftest import MakeCrew
from integration.crew import ask, ask_all
from integration.http_client import Client, head
from integration.server import free_port

pytestmark = pytest.mark.needs("ss")

TCP, UNIX = "127.0.0.1:0", "unix:app.sock"
ADDRESSES = pytest.mark.parametrize("bind", [TCP, UNIX], ids=["tcp", "unix"])


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(version: str, number: int) -> bytes:
    """The header of client `number`, in version 1 or 2 of the protocol."""
    source, destination = f"203.0.113.{number}", "198.51.100.1"
    if version == "v1":
        return f"PROXY TCP4 {source} {destination} {5000 + number} 80\r\n".encode()
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return (
        SIGNATURE + b"\x21\x11" + struct.pack(">H4s4sHH", 12, addresses[:4], addresses[4:], 5000 + number, 80)
    )


def introduce(clients: list[Client], version: str) -> None:
    """Each says that it is another one."""
    for number, client in enumerate(clients):
        client.send(proxy_header(version, number))
        ask(client)


@ADDRESSES
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_peer_that_proxy_has_told_is_kept(crew: MakeCrew, bind: str, version: str) -> None:
    team = crew("--proxy-protocol", version, bind=bind, workers=2)
    clients = team.clients(12)
    introduce(clients, version)
    first, others = team.first_of_many(clients)
    held = team.hold(first)
    stuck = team.those_of(held.worker, others)
    answers = ask_all(stuck)
    assert held.worker not in {found["pid"] for found in answers}
    numbers = [clients.index(client) for client in stuck]
    expected = [[f"203.0.113.{number}", str(5000 + number)] for number in numbers]
    assert [found["peer"] for found in answers] == expected
    number = clients.index(first)
    assert held.release()["peer"] == [f"203.0.113.{number}", str(5000 + number)]


def test_the_peer_of_a_tcp_connection_is_kept(crew: MakeCrew) -> None:
    team = crew()
    (client,) = team.kept(1)
    peer = list(map(str, client.socket.getsockname()))
    for _ in range(3):
        assert team.travel(client)["peer"] == peer


def test_the_listener_is_kept(crew: MakeCrew) -> None:
    """Of two TCP listeners and a unix one: what the environ says of the server is that of its own."""
    second = f"127.0.0.1:{free_port()}"
    team = crew("--bind", second, "--bind", "unix:app.sock")
    for address in team.server.addresses():
        (client,) = team.kept(1, address)
        told = ask(client)["server"]
        for _ in range(3):
            worker = ask(client)["pid"]
            with team.held(worker):
                moved = ask(client)
                assert moved["pid"] != worker
                assert moved["server"] == told
        if isinstance(address, tuple):
            assert told[1] == str(address[1])
        client.close()


@ADDRESSES
def test_requests_are_counted_wherever_they_are_answered(crew: MakeCrew, bind: str) -> None:
    team = crew("--max-keepalive-requests", "5", bind=bind)
    (client,) = team.kept(1)
    for _ in range(3):
        team.travel(client)
    assert client.get("/").says_close
    assert client.at_end()


@ADDRESSES
def test_the_last_request_may_be_one_that_has_travelled(crew: MakeCrew, bind: str) -> None:
    team = crew("--max-keepalive-requests", "3", bind=bind)
    (client,) = team.kept(1)
    team.travel(client)
    with team.held(team.owner(client)):
        assert client.get("/").says_close
        assert client.at_end()


@ADDRESSES
def test_idle_time_counts_where_the_connection_is(crew: MakeCrew, bind: str) -> None:
    """--keep-alive closes it, at the worker that answered last."""
    team = crew("--keep-alive", "0.5", bind=bind)
    (client,) = team.kept(1)
    team.travel(client)
    assert client.at_end()


@ADDRESSES
def test_the_access_log_has_each_request_once(crew: MakeCrew, bind: str) -> None:
    team = crew("--access-logfile", "access.log", bind=bind)
    kept = team.kept(6)
    with team.held(team.owner(kept[0])) as busy:
        stuck = team.those_of(busy, kept)
        ask_all(stuck)
    team.server.judge()
    lines = (team.server.directory / "access.log").read_text().splitlines()
    assert all('" 200 ' in line for line in lines)
    assert len([line for line in lines if "/gate/" not in line]) == len(kept) + len(stuck)


def upgrade(client: Client, early: bytes = b"") -> int:
    """The worker that has its socket now. early: what is sent right behind the request."""
    client.send(head("GET", "/echo", Connection="upgrade", Upgrade="shout") + early)
    status, _ = client.response_head()
    assert status == 101
    return int(client.line())


@ADDRESSES
def test_a_connection_that_has_moved_can_be_upgraded(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    (client,) = team.kept(1)
    team.travel(client)
    with team.held(team.owner(client)) as busy:
        assert upgrade(client, b"early, ") != busy
        client.send(b"late\r\n")
        assert client.line() == "EARLY, LATE"


@ADDRESSES
def test_an_upgraded_connection_stays_and_the_others_of_its_worker_go(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind, workers=2)
    clients = team.kept(12)
    upgraded, others = team.first_of_many(clients)
    busy = upgrade(upgraded)
    stuck = team.those_of(busy, others)
    assert busy not in {found["pid"] for found in ask_all(stuck)}
    upgraded.send(b"still here\r\n")
    assert upgraded.line() == "STILL HERE"
