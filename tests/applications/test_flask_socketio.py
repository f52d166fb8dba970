"""Flask-SocketIO by its own protocol over a websocket and by polling: mended, item 19."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.conftest import Serve
from integration.server import Server
from integration.test_upgrade import websocket
from integration.waiting import DEADLINE_SECONDS, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

pytest.importorskip("flask_socketio")

ENDPOINT = "/socket.io/?EIO=4&transport=websocket"
PING, PONG, DISCONNECT = "2", "3", "41"


class Session:
    """A client of Engine.IO 4 and Socket.IO 5, as far as it is needed here."""

    def __init__(self, opened: ClientConnection) -> None:
        self.websocket = opened
        assert self._next().startswith("0{")  # open
        self.websocket.send("40")
        assert self._next().startswith("40{")  # connected

    def emit(self, *event: str) -> None:
        self.websocket.send("42" + json.dumps(event))

    def event(self) -> list[Any]:
        packet = self._next()
        assert packet.startswith("42"), packet
        found: list[Any] = json.loads(packet[2:])
        return found

    def until_closed(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._next()

    def until_disconnected(self) -> None:
        while self._next() != DISCONNECT:
            pass

    def _next(self) -> str:
        while True:
            packet = self.websocket.recv(DEADLINE_SECONDS)
            assert isinstance(packet, str)
            if packet != PING:
                return packet
            self.websocket.send(PONG)


@pytest.fixture
def server(serve_app: Serve) -> Server:
    return serve_app("talking", "--threads", "4", "--access-logfile", "access.log")


def wait_for_disconnect(directory: Path) -> None:
    noted = directory / "noted"
    until(lambda: noted.exists() and noted.read_text() == "disconnected\n")


def close(session: Session) -> None:
    session.websocket.close()


def say_goodbye(session: Session) -> None:
    session.websocket.send(DISCONNECT)
    session.websocket.close()


def vanish(session: Session) -> None:
    session.websocket.socket.close()


def ask_to_leave(session: Session) -> None:
    """The application disconnects."""
    session.emit("leave")
    session.until_disconnected()
    session.websocket.close()


@pytest.mark.parametrize("end", [close, say_goodbye, vanish, ask_to_leave])
def test_a_session_ends_without_a_traceback_and_is_logged_as_101(
    server: Server, tmp_path: Path, end: Callable[[Session], None]
) -> None:
    with websocket(server.address, ENDPOINT) as opened:
        session = Session(opened)
        session.emit("hello", "Ada")
        assert session.event() == ["answer", "Hello, Ada!"]
        end(session)
    wait_for_disconnect(tmp_path)
    assert server.get("/pid").status == 200
    assert server.stop() == 0
    log = (tmp_path / "access.log").read_text()
    assert f'"GET {ENDPOINT} HTTP/1.1" 101 - ' in log
    assert "Traceback" not in server.log
    assert "[ERROR]" not in server.log


def test_a_session_that_the_stop_cuts_is_logged_as_101(server: Server, tmp_path: Path) -> None:
    with websocket(server.address, ENDPOINT) as opened:
        session = Session(opened)
        assert server.stop() == 0
        session.until_closed()
    assert f'"GET {ENDPOINT} HTTP/1.1" 101 - ' in (tmp_path / "access.log").read_text()


def test_events_by_long_polling(server: Server) -> None:
    """What clients begin with, before they upgrade."""
    polling = "/socket.io/?EIO=4&transport=polling"
    with server.client() as client:
        sid = json.loads(client.get(polling).text[1:])["sid"]
        for body in (b"40", b'42["hello","Ada"]'):
            assert client.post(f"{polling}&sid={sid}", body).text == "OK"
        packets = ""
        while "answer" not in packets:
            packets += client.get(f"{polling}&sid={sid}").text
            if packets.endswith(PING):
                client.post(f"{polling}&sid={sid}", PONG.encode())
        assert '42["answer","Hello, Ada!"]' in packets
        client.post(f"{polling}&sid={sid}", DISCONNECT.encode())
