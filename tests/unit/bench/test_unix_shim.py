"""The shim that leads the TCP connections of a load generator to a unix socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from unit.bench.programs import built


@pytest.fixture(scope="module")
def shim() -> Path:
    """The shim, built."""
    return built("unix_shim.so")


@pytest.fixture
def unix_server(tmp_path: Path) -> Iterator[str]:
    """A unix socket on which each connection is told what it sent, in capitals."""
    path = str(tmp_path / "sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(100).upper())

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


CLIENT = """
import fcntl, json, os, socket, sys
family, host = (socket.AF_INET6, "::1") if sys.argv[1] == "6" else (socket.AF_INET, "127.0.0.1")
s = socket.socket(family)
number, blocking = s.fileno(), sys.argv[2] == "blocking"
s.setblocking(blocking)
s.connect((host, 8000))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
facts = {"same": s.fileno() == number, "peer": s.getpeername()[:2],
         "nonblocking": bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK),
         "cloexec": bool(fcntl.fcntl(s, fcntl.F_GETFD) & fcntl.FD_CLOEXEC),
         "family": s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)}
s.setblocking(True)
s.sendall(b"hello")
facts["answer"] = s.recv(100).decode()
print(json.dumps(facts))
"""


def through_the_shim(shim: Path, path: str, *arguments: str) -> dict[str, object]:
    """What a TCP client sees when the shim is preloaded."""
    environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": f"8000:{path}"}
    command = [sys.executable, "-c", CLIENT, *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize("version", ["4", "6"])
def test_the_shim_leads_a_loopback_connection_to_the_unix_socket(
    shim: Path, unix_server: str, version: str
) -> None:
    facts = through_the_shim(shim, unix_server, version, "blocking")
    assert facts["answer"] == "HELLO"
    assert facts["family"] == socket.AF_UNIX


@pytest.mark.parametrize("blocking", [True, False])
def test_the_descriptor_keeps_its_number_and_flags(shim: Path, unix_server: str, blocking: bool) -> None:
    facts = through_the_shim(shim, unix_server, "4", "blocking" if blocking else "nonblocking")
    assert (facts["same"], facts["nonblocking"], facts["cloexec"]) == (True, not blocking, True)


def test_the_program_sees_the_peer_it_asked_for(shim: Path, unix_server: str) -> None:
    assert through_the_shim(shim, unix_server, "4", "blocking")["peer"] == ["127.0.0.1", 8000]


def test_another_port_is_left_alone(shim: Path, unix_server: str) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        redirect = f"{port % 65535 + 1}:{unix_server}"
        environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": redirect}
        subprocess.run([sys.executable, "-c", program], env=environ, check=True)
        listener.settimeout(10)
        assert listener.accept()[0].fileno() >= 0


def test_a_socket_path_where_nobody_listens_is_refused(shim: Path, tmp_path: Path) -> None:
    program = "import socket; socket.create_connection(('127.0.0.1', 8000))"
    environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": f"8000:{tmp_path}/nothing"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "FileNotFoundError" in done.stderr
