"""WebSockets, by Flask-Sock and real clients: over TCP, over a unix socket, and behind nginx."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import Any

import pytest
import simple_websocket
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, unix_connect
from websockets.sync.client import connect as connect_websocket

from integration.conftest import Serve
from integration.http_client import Address, Client, head
from integration.nginx import Nginx
from integration.server import EXAMPLES, Server, program
from integration.waiting import DEADLINE_SECONDS, until

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

ACCESS_LOG = ("--access-logfile", "-", "--access-logformat", "%(r)s %(s)s")

MEGABYTE = 1 << 20


def websocket(address: Address, path: str) -> ClientConnection:
    """An open one."""
    options: dict[str, Any] = {"open_timeout": DEADLINE_SECONDS, "close_timeout": DEADLINE_SECONDS}
    if isinstance(address, str):
        return unix_connect(address, f"ws://test{path}", max_size=None, **options)
    return connect_websocket("ws://{}:{}{}".format(*address, path), max_size=None, proxy=None, **options)


def echoes(client: ClientConnection, message: str | bytes) -> bool:
    client.send(message)
    return client.recv(DEADLINE_SECONDS) == message


@pytest.fixture(
    scope="module", params=["tcp", "unix", pytest.param("nginx", marks=pytest.mark.needs("nginx"))]
)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Where a server with one worker is to be found."""
    directory = tmp_path_factory.mktemp("site")
    bind = "127.0.0.1:0" if request.param == "tcp" else f"unix:{directory}/app.sock"
    with contextlib.ExitStack() as stack:
        server = Server("sockets", directory=directory, bind=bind)
        stack.callback(server.end)
        if request.param == "nginx":
            nginx = Nginx(directory, f"{directory}/app.sock")
            stack.callback(nginx.end)
            yield nginx.address
            nginx.judge()
        else:
            yield server.address
        server.judge()


def test_text_and_binary_messages_come_back(address: Address) -> None:
    with websocket(address, "/echo") as client:
        for message in ("Grüße", b"\0\xff", "", b""):
            assert echoes(client, message)


def test_a_megabyte_comes_back(address: Address) -> None:
    with websocket(address, "/echo") as client:
        assert echoes(client, "ü" * (MEGABYTE // 2))
        assert echoes(client, bytes(range(256)) * (MEGABYTE // 256))


def test_the_client_closes_and_the_worker_serves_the_next(address: Address) -> None:
    for _ in range(3):
        with websocket(address, "/echo") as client:
            assert echoes(client, "hello")
        assert client.close_code == 1000
    with Client(address) as plain:
        assert plain.get("/pid").status == 200


def test_the_application_closes_and_the_client_is_told(address: Address) -> None:
    with websocket(address, "/close-after-one") as client:
        assert echoes(client, "hello")
        with pytest.raises(ConnectionClosed):
            client.recv(DEADLINE_SECONDS)
        assert (client.close_code, client.close_reason) == (4000, "that is all")


def test_a_client_that_vanishes_frees_the_worker(address: Address) -> None:
    with websocket(address, "/echo") as client:
        assert echoes(client, "hello")
        client.socket.close()
        with Client(address) as plain:
            assert plain.get("/pid").status == 200


def test_an_ordinary_connection_may_become_a_websocket(address: Address) -> None:
    with Client(address) as client:
        assert client.get("/pid").status == 200
        client.send(head("GET", "/echo", **HANDSHAKE))
        status, fields = client.response_head()
        assert status == 101
        assert fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def frame(message: bytes) -> bytes:
    return Frame(Opcode.TEXT, message).serialize(mask=True)


@pytest.mark.parametrize("pings", [{}, {"PING_INTERVAL": "3600"}], ids=["recv", "selector"])
@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"])
def test_a_frame_in_the_segment_of_the_handshake_is_read(
    serve: Serve, bind: str, pings: dict[str, str]
) -> None:
    """With an interval for pings simple-websocket waits by a selector before it reads."""
    server = serve("sockets", bind=bind, **pings)
    with server.client() as client:
        client.send(head("GET", "/echo", **HANDSHAKE) + frame(b"early"))
        assert client.response_head()[0] == 101
        assert client.read(7) == b"\x81\x05early"
        client.send(frame(b"later"))
        assert client.read(7) == b"\x81\x05later"


def test_the_client_of_simple_websocket_is_served(serve: Serve) -> None:
    server = serve("sockets")
    client = simple_websocket.Client("ws://{}:{}/echo".format(*server.address), ping_interval=60)
    client.send("hello")
    assert client.receive(DEADLINE_SECONDS) == "hello"
    client.send(b"x" * MEGABYTE)
    assert client.receive(DEADLINE_SECONDS) == b"x" * MEGABYTE
    client.close()


def test_a_view_that_fails_ends_the_connection(serve: Serve) -> None:
    server = serve("sockets")
    server.tracebacks = 1  # Flask's
    with websocket(server.address, "/fail") as client:
        client.send("hello")
        with pytest.raises(ConnectionClosedError):
            client.recv(DEADLINE_SECONDS)
    assert server.get("/pid").status == 200


def test_the_access_log_has_a_line_when_it_is_over(serve: Serve) -> None:
    server = serve("sockets", *ACCESS_LOG)
    with websocket(server.address, "/echo") as client:
        assert echoes(client, "hello")
        assert not server.matches("GET /echo")
    server.wait_for("GET /echo HTTP/1.1 101")


def test_an_upgrade_that_nobody_wants_gets_an_ordinary_answer(address: Address) -> None:
    with Client(address) as client:
        assert client.get("/pid", Connection="upgrade", Upgrade="h2c").status == 200
        assert client.get("/pid").status == 200


# Time, stopping and deploys


def test_the_timeout_of_requests_is_not_that_of_websockets(serve: Serve) -> None:
    server = serve("sockets", "--timeout", "0.5", workers=2)
    server.tracebacks = 1
    with websocket(server.address, "/echo") as client:
        assert echoes(client, "hello")
        server.get("/late")  # the other worker, begun later
        server.wait_for("has not answered GET /late")
        assert echoes(client, "still here")
    assert not server.matches("has not answered GET /echo")


def test_every_thread_of_a_worker_may_have_a_websocket(serve: Serve) -> None:
    server = serve("sockets", "--threads", "21", "--early-hints")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(websocket(server.address, "/echo")) for _ in range(20)]
        for message in ("one", "two"):
            for number, client in enumerate(clients):
                client.send(f"{message} {number}")
            for number, client in reversed(list(enumerate(clients))):
                assert client.recv(DEADLINE_SECONDS) == f"{message} {number}"
        assert server.get("/pid").status == 200
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        assert all(echoes(client, "still here") for client in clients)
    assert [client.close_code for client in clients] == [1000] * 20
    assert server.wait() == 0


def test_a_graceful_stop_waits_for_the_websocket(serve: Serve) -> None:
    server = serve("sockets")
    with websocket(server.address, "/echo") as client:
        assert echoes(client, "hello")
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        assert echoes(client, "still here")
    assert server.wait() == 0


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_websocket_that_outlasts_the_graceful_timeout_is_cut_and_named(serve: Serve, threads: str) -> None:
    server = serve("sockets", "--graceful-timeout", "0.5", "--threads", threads, *ACCESS_LOG)
    with websocket(server.address, "/echo") as client:
        assert echoes(client, "hello")
        assert server.stop() == 0
        with pytest.raises(ConnectionClosedError):
            client.recv(DEADLINE_SECONDS)
    assert server.matches(r"cut: GET /echo")
    assert len(server.matches(r"GET /echo HTTP/1.1 101")) == 1


def test_a_deploy_leaves_the_websocket_with_the_old_generation(serve: Serve) -> None:
    server = serve("sockets", "--kill-old-delay", "0")
    (old,) = server.workers()
    with websocket(server.address, "/echo") as client:
        assert echoes(client, "hello")
        server.send(SIGHUP)
        server.wait_for("stopping gracefully")
        until(lambda: server.get("/pid").text != str(old))
        assert echoes(client, "still here")
        assert old in server.workers()
    server.wait_for_workers(1, without=[old])


# Early hints


def test_early_hints_come_before_the_page(serve: Serve) -> None:
    server = serve("sockets", "--early-hints")
    with server.client() as client:
        for _ in range(2):
            client.send(head("GET", "/hints"))
            assert client.response_head() == (103, {"link": "</style.css>; rel=preload; as=style"})
            assert client.response().text == "page"


@pytest.mark.needs("curl")
def test_curl_sees_the_hints_and_the_page(serve: Serve) -> None:

    server = serve("sockets", "--early-hints")
    url = "http://{}:{}/hints".format(*server.address)
    shown = subprocess.run(
        [program("curl"), "--silent", "--http1.1", "--include", "--noproxy", "*", url, url],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    ).stdout
    assert re.findall(r"HTTP/1.1 (\d+)", shown) == ["103", "200", "103", "200"]
    assert shown.count("page") == 2


def test_an_nginx_that_knows_no_hints_gets_none_by_default(address: Address) -> None:
    with Client(address) as client:
        for _ in range(2):
            assert client.get("/hints").text == "page"


# The example


def test_visitors_of_the_example_see_what_others_write(serve: Serve, tmp_path: Path) -> None:
    options = ["--chdir", str(EXAMPLES), "--threads", "2"]
    server = serve("websocket_app", *options, workers=2, EXAMPLE_CHAT=str(tmp_path / "chat"))
    assert "WebSocket" in server.get("/").text
    with websocket(server.address, "/chat") as one, websocket(server.address, "/chat") as other:
        for visitor, text in ((one, "hello"), (other, "is anybody there?")):
            visitor.send(text)
            assert [client.recv(DEADLINE_SECONDS) for client in (one, other)] == [text, text]
