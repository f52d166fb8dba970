"""A listener that refuses new connections."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from rhebok.listening.closing_port import refuse_new_connections
from rhebok.listening.listeners import BindOptions, bind_all, close_all
from rhebok.records import replace

SYN_SENT = 2  # tcp_states.h; TCP_INFO begins with the state


def state(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


@pytest.fixture
def listener():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


def test_a_new_connection_gets_no_response(listener):
    refuse_new_connections(listener)
    with closing(socket.socket()) as client:
        client.setblocking(False)
        client.connect_ex(listener.getsockname())  # over loopback a SYN-ACK would arrive at once
        assert state(client) == SYN_SENT


def test_an_established_connection_goes_on(listener):
    with closing(socket.create_connection(listener.getsockname(), 10)) as client:
        refuse_new_connections(listener)
        client.sendall(b"x")
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(10)
            assert accepted.recv(1) == b"x"
            accepted.sendall(b"y")
        assert client.recv(1) == b"y"
        assert client.recv(1) == b""


def test_an_abstract_socket_refuses_new_connections_and_returns_those_that_wait():
    (listener,) = bind_all([f"unix:@rhebok-test-{os.getpid()}"], BindOptions())
    address = listener.socket.getsockname()
    try:
        with closing(socket.socket(socket.AF_UNIX)) as waiting:
            waiting.connect(address)
            listener.refuse_new_connections()
            with closing(socket.socket(socket.AF_UNIX)) as late, pytest.raises(ConnectionRefusedError):
                late.connect(address)
            accepted, _ = listener.socket.accept()
            with accepted:
                accepted.sendall(b"x")
            assert waiting.recv(1) == b"x"
        with pytest.raises(BlockingIOError):
            listener.socket.accept()
    finally:
        close_all([listener])


def test_a_closed_socket_is_not_an_error(listener):
    listener.close()
    refuse_new_connections(listener)


def test_a_bound_port_refuses_new_connections_and_a_bound_path_is_removed(tmp_path: Path):
    port, path = bind_all(["127.0.0.1:0", f"unix:{tmp_path}/s"], BindOptions())
    try:
        for each in (port, path):
            each.refuse_new_connections()
        with closing(socket.socket()) as client:
            client.setblocking(False)
            client.connect_ex(port.socket.getsockname())
            assert state(client) == SYN_SENT
        assert not (tmp_path / "s").exists()
    finally:
        close_all([port, path])


def test_an_adopted_port_goes_on_accepting(listener):
    (adopted,) = bind_all([f"fd://{listener.fileno()}"], BindOptions())
    adopted.refuse_new_connections()
    with closing(socket.create_connection(listener.getsockname(), 10)) as client:
        assert state(client) != SYN_SENT
    adopted.socket.detach()


def test_after_close_a_path_with_the_same_inode_number_is_not_removed(tmp_path: Path):
    """The kernel may reuse the inode number of a closed socket. INT after TERM asks for it a second time."""
    path = tmp_path / "s"
    (closed,) = bind_all([f"unix:{path}"], BindOptions())
    close_all([closed])
    (successor,) = bind_all([f"unix:{path}"], BindOptions())
    try:
        replace(closed, path=successor.path).refuse_new_connections()
        assert path.exists()
    finally:
        close_all([successor])
