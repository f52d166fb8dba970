"""The socket under environ["rhebok.socket"]: an ordinary one, which first receives the bytes that came with
the request."""

from __future__ import annotations

import os
import selectors
import socket
from typing import Any

import pytest
from gateway_server import serving
from upgrading import SWITCH, shout, taking, upgraded


def test_the_socket_is_an_ordinary_blocking_socket() -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        assert isinstance(sock, socket.socket)
        assert repr(sock) == "<the socket of this request, not taken>"
        assert sock.gettimeout() is None
        assert os.get_blocking(sock.fileno())
        assert not os.get_inheritable(sock.fileno())
        assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
        assert environ["werkzeug.socket"] is sock
        shout(sock)
        return []

    with serving(taking(use)) as server, upgraded(server) as client:
        client.send(b"hello")
        assert client.take(5) == b"HELLO"
        assert "Traceback" not in server.log()


READ: dict[str, Any] = {
    "recv": lambda sock: sock.recv(3) + sock.recv(100),
    "recv_into": lambda sock: (lambda room: bytes(room[: sock.recv_into(room)]))(bytearray(100)),
    "recv_into some": lambda sock: (lambda room: bytes(room[: sock.recv_into(room, 5)]))(bytearray(100)),
    "recvfrom": lambda sock: sock.recvfrom(100)[0],
    "recvfrom_into": lambda sock: (lambda room: bytes(room[: sock.recvfrom_into(room)[0]]))(bytearray(100)),
    "recvmsg": lambda sock: sock.recvmsg(100)[0],
    "recvmsg_into": lambda sock: (lambda room: bytes(room[: sock.recvmsg_into([room])[0]]))(bytearray(100)),
    "makefile": lambda sock: sock.makefile("rb").read(5),
    "peek": lambda sock: sock.recv(5, socket.MSG_PEEK) and sock.recv(5),
    "nothing first": lambda sock: sock.recv(0) + sock.recv(5),
}


@pytest.mark.parametrize("way", READ)
def test_every_way_to_read_returns_the_early_bytes_first(way: str) -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        sock.sendall(SWITCH + READ[way](sock))
        sock.sendall(READ[way](sock).upper())
        return []

    with serving(taking(use)) as server, upgraded(server, b"early") as client:
        assert client.take(5) == b"early"
        client.send(b"later")
        assert client.take(5) == b"LATER"
        assert client.closed()


@pytest.mark.parametrize("kind", ["SelectSelector", "PollSelector", "EpollSelector"])
def test_selectors_see_the_early_bytes_and_then_the_others(kind: str) -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        sock.sendall(SWITCH)
        with getattr(selectors, kind)() as selector:
            selector.register(sock, selectors.EVENT_READ)
            assert selector.select(20)
            sock.sendall(sock.recv(100).upper())
            assert not selector.select(0)
            sock.sendall(b"quiet")
            assert selector.select(20)
            sock.sendall(sock.recv(100).upper())
            assert not selector.select(0)
            sock.sendall(b"quiet")
            assert selector.select(20)  # the end
            assert sock.recv(100) == b""
        sock.close()
        return []

    with serving(taking(use)) as server, upgraded(server, b"early") as client:
        assert client.take(10) == b"EARLYquiet"
        client.send(b"later")
        assert client.take(10) == b"LATERquiet"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.closed()
        assert "Traceback" not in server.log()


def test_a_detached_descriptor_stays_open_after_the_request() -> None:
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if "rhebok.socket" in environ:
            kept.append(socket.socket(fileno=environ["rhebok.socket"].detach()))
            kept[0].sendall(SWITCH)
            return []
        kept[0].sendall(b"still here")
        start_response("200 OK", [])
        kept.pop().close()
        return [b"done"]

    with serving(app) as server, upgraded(server) as client:
        assert server.get().body == b"done"
        assert client.rest() == b"still here"


def test_detach_and_dup_are_refused_while_there_are_early_bytes() -> None:
    def use(sock: Any, environ: Any, start_response: Any) -> list[bytes]:
        for method in (sock.detach, sock.dup):
            with pytest.raises(RuntimeError, match="5 bytes"):
                method()
        sock.sendall(SWITCH + sock.recv(5))
        with sock.dup() as other:
            other.sendall(b"dup")
        return []

    with serving(taking(use)) as server, upgraded(server, b"early") as client:
        assert client.rest() == b"earlydup"
        assert "Traceback" not in server.log()
