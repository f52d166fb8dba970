"""What examples/haproxy sends again when a machine ends a connection without an answer."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.balancer import example
from integration.http_client import Client
from integration.server import Process, free_port, program
from integration.waiting import until

pytestmark = pytest.mark.needs("haproxy")

HOSTS = 3


class Breaking:
    """A machine that reads a request and closes the connection. got: methods that all of them have read."""

    def __init__(self, got: Counter[str]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._got = got
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                words = client.recv(65536).split()
                if words:
                    self._got[words[0].decode()] += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Front(Process):
    def __init__(self, directory: Path, ports: list[int]) -> None:
        self.address = ("127.0.0.1", free_port())
        changes = {
            "/run/haproxy/admin.sock": str(directory / "admin.sock"),
            "bind :80": "bind {}:{}".format(*self.address),
            "check port 9464": "no-check",
            "option httpchk": "# option httpchk",
            "http-check": "# http-check",
        }
        for number, port in enumerate(ports, 1):
            changes[f"10.0.0.1{number}:8000"] = f"127.0.0.1:{port}"
        file = directory / "haproxy.cfg"
        file.write_text(example(changes))
        super().__init__([program("haproxy"), "-db", "-f", str(file)], directory)
        until(self._listens, lambda: self.log)

    def _listens(self) -> bool:
        assert not self.ended, self.log
        with socket.socket() as sock:
            return sock.connect_ex(self.address) == 0


@pytest.fixture
def got() -> Counter[str]:
    return Counter()


@pytest.fixture
def front(tmp_path: Path, got: Counter[str]) -> Iterator[Front]:
    with ExitStack() as stack:
        hosts = [Breaking(got) for _ in range(HOSTS)]
        for host in hosts:
            stack.callback(host.close)
        running = Front(tmp_path, [host.port for host in hosts])
        stack.callback(running.end)
        yield running


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_may_have_changed_something_is_never_sent_again(
    front: Front, got: Counter[str], method: str
) -> None:
    with Client(front.address) as client:
        client.send(f"{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi".encode())
        assert client.response(method).status == 502
    assert got == {method: 1}


def test_what_changes_nothing_is_sent_again(front: Front, got: Counter[str]) -> None:
    with Client(front.address) as client:
        assert client.get("/").status == 502
    assert got["GET"] > 1
