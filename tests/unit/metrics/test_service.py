"""The metrics process with a supervisor of the test: who is answered, when, and by which answer."""

import marshal
import os
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from rhebok.board.counts import as_bytes
from rhebok.board.layout import CAUSES

pytest.importorskip("prometheus_client")

from rhebok.metrics import service as module
from rhebok.metrics.service import serve

GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


class Supervisor:
    """Its end of the link. The service runs in a thread until this is closed."""

    def __init__(self) -> None:
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(30)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._thread = threading.Thread(target=serve, args=([self._listener], theirs))
        self._thread.start()

    def question(self) -> bytes:
        return self.link.recv(100)

    def answer(self, ready: bool = True, why: str = "") -> None:
        found = {
            "ready": ready, "why": why, "version": "1", "pid": os.getpid(), "started": 1.0, "listeners": [],
            "counts": True, "listen_drops": None,
            "causes": dict.fromkeys(CAUSES, 0), "counted": as_bytes(0), "cached": (0, 0, 0),
            "generations": [], "workers": [],
            "deploys": 0, "deploys_failed": 0,
        }  # fmt: skip
        self.link.send(marshal.dumps(found))

    def client(self, data: bytes = b"") -> socket.socket:
        sock = socket.create_connection(self._listener.getsockname(), timeout=30)
        sock.sendall(data)
        return sock

    def close(self) -> None:
        self.link.close()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    made.close()


def received(sock: socket.socket) -> bytes:
    """All until the end."""
    with sock, sock.makefile("rb") as file:
        return file.read()


def status(sock: socket.socket) -> int:
    return int(received(sock).split()[1])


def test_a_probe_asks_for_the_state_alone(supervisor: Supervisor) -> None:
    sock = supervisor.client(GET % b"/readyz")
    assert supervisor.question() == b"state"
    supervisor.answer()
    assert status(sock) == 200


def test_a_server_that_is_not_ready_says_why(supervisor: Supervisor) -> None:
    sock = supervisor.client(GET % b"/readyz")
    supervisor.question()
    supervisor.answer(ready=False, why="the server stops")
    assert received(sock).endswith(b"\r\n\r\nthe server stops\n")


def test_an_answer_to_an_earlier_question_is_not_taken(supervisor: Supervisor) -> None:
    first = supervisor.client(GET % b"/readyz")
    assert supervisor.question() == b"state"
    second = supervisor.client(GET % b"/readyz")
    refused = supervisor.client(GET % b"/none")
    assert status(refused) == 404  # so the second one has been read too
    supervisor.answer()
    assert status(first) == 200
    assert supervisor.question() == b"state"
    supervisor.answer(ready=False)
    assert status(second) == 503


def test_measures_serve_all_for_a_moment(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", 60.0)
    first = supervisor.client(GET % b"/metrics")
    assert supervisor.question() == b"measures"
    supervisor.answer()
    assert status(first) == 200
    assert status(supervisor.client(GET % b"/metrics")) == 200
    probe = supervisor.client(GET % b"/livez")
    assert supervisor.question() == b"state", "a probe is not answered from memory"
    supervisor.answer()
    assert status(probe) == 200


def test_after_a_moment_measures_are_asked_for_again(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    for _ in range(2):
        sock = supervisor.client(GET % b"/metrics")
        assert supervisor.question() == b"measures"
        supervisor.answer()
        assert status(sock) == 200


@pytest.mark.parametrize("path", [b"/livez", b"/readyz", b"/metrics"])
def test_a_supervisor_that_does_not_answer_is_not_waited_for(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    assert status(supervisor.client(GET % path)) == 503
    assert status(supervisor.client(GET % path)) == 503
    supervisor.question()
    supervisor.link.setblocking(False)
    with pytest.raises(BlockingIOError):
        supervisor.question()  # one question at a time, however many clients there are


def test_the_oldest_of_too_many_clients_gives_way(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLIENTS", 3)
    silent = [supervisor.client() for _ in range(3)]
    sock = supervisor.client(GET % b"/none")
    assert status(sock) == 404
    assert received(silent[0]) == b""
    silent[2].sendall(GET % b"/none")
    assert status(silent[2]) == 404
    silent[1].close()


def test_a_client_that_leaves_while_it_waits_is_forgotten(supervisor: Supervisor) -> None:
    sock = supervisor.client(GET % b"/livez")
    assert supervisor.question() == b"state"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    supervisor.answer()
    assert status(supervisor.client(GET % b"/none")) == 404


def test_a_response_to_head_has_no_body(supervisor: Supervisor) -> None:
    for path, expected in ((b"/none", b" 404 "), (b"/livez", b" 200 ")):
        sock = supervisor.client(b"HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
        if path == b"/livez":
            supervisor.question()
            supervisor.answer()
        head, _, body = received(sock).partition(b"\r\n\r\n")
        assert expected in head
        assert body == b""


def test_a_flood_of_requests_is_no_flood_of_questions(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PACE", 0.2)
    asked_at = []
    for _ in range(3):
        sock = supervisor.client(GET % b"/livez")
        supervisor.question()
        asked_at.append(time.monotonic())
        supervisor.answer()
        assert status(sock) == 200
    assert all(later - earlier > 0.15 for earlier, later in pairwise(asked_at)), asked_at
