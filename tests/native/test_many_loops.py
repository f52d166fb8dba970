"""A worker whose threads have a loop each: always without the GIL, and here with it too."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import PATIENCE, Client, Server, serving, wait_until
from upgrading import ASK, SWITCH, shout

THREADS = 3
FIELDS = [("Content-Type", "text/plain")]


class Meeting:
    """An application. /meet answers when so many requests are there at once; /held waits for release."""

    def __init__(self, directory: Path) -> None:
        self._barrier = threading.Barrier(THREADS)
        self._released = directory / "released"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if "rhebok.socket" in environ:
            shout(environ["rhebok.socket"])
            return []
        if path == "/meet":
            self._barrier.wait(PATIENCE)
        while path == "/held" and not self._released.exists():
            time.sleep(0.005)  # until then an exception can be raised in it
        start_response("200 OK", FIELDS)
        return [path.encode()]

    def release(self) -> None:
        self._released.touch()


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    return Meeting(tmp_path)


@pytest.fixture(params=[False, True], ids=["tcp", "unix"])
def server(request: pytest.FixtureRequest, meeting: Meeting, tmp_path: Path) -> Iterator[Server]:
    with serving(
        meeting,
        unix=request.param,
        threads=THREADS,
        many_loops=True,
        access_logfile=str(tmp_path / "access"),
    ) as server:
        yield server


def busy(server: Server, count: int) -> None:
    """Until so many requests are with the application."""
    wait_until(lambda: sum(score.busy for score in server.scoreboard.read(0)) == count, f"{count} requests")


def ask(server: Server, path: str, count: int = THREADS) -> list[Any]:
    """Clients that have sent a request."""
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return clients


def test_requests_of_kept_connections_are_served_at_the_same_time(server: Server) -> None:
    """Whichever loops have accepted them: they move."""
    clients = [server.client() for _ in range(THREADS)]
    for _ in range(10):
        for client in clients:
            client.send(b"GET /meet HTTP/1.1\r\nHost: h\r\n\r\n")
        assert [client.response().body for client in clients] == [b"/meet"] * THREADS
    assert [score.requests > 0 for score in server.scoreboard.read(0)] == [True] * THREADS


def test_a_stop_lets_every_loop_end_its_request(server: Server, meeting: Meeting) -> None:
    clients = ask(server, "/held")
    busy(server, THREADS)
    os.kill(server.pid, signal.SIGTERM)
    server.wait_for_log("told to stop")
    meeting.release()
    for client in clients:
        response = client.response()
        assert (response.status, response.header("Connection")) == (200, "close")
        assert client.closed()


def test_an_exception_for_one_thread_ends_the_request_of_that_thread_only(
    server: Server, meeting: Meeting
) -> None:
    clients = ask(server, "/held")
    busy(server, THREADS)
    os.kill(server.pid, signal.SIGUSR1)
    server.wait_for_log("Interrupted")
    busy(server, THREADS - 1)
    meeting.release()
    assert sorted(client.response().status for client in clients) == [200, 200, 500]
    assert server.get("/").status == 200


def test_an_exception_for_a_thread_without_a_request_hits_no_later_one(server: Server) -> None:
    assert server.get("/").status == 200  # it is there
    for number in range(20):
        os.kill(server.pid, signal.SIGUSR1)
        server.wait_for_log("told to interrupt", number + 1)
        assert [client.response().status for client in ask(server, "/meet")] == [200] * THREADS


def test_who_cuts_everything_sees_all_loops_and_logs_their_upgraded_connections(
    server: Server, tmp_path: Path
) -> None:
    clients = [server.client() for _ in range(THREADS)]
    for client in clients:
        client.send(ASK)
        assert client.take(len(SWITCH)) == SWITCH
    os.kill(server.pid, signal.SIGUSR2)
    server.wait_for_log("cut: ['GET /shout and GET /shout and GET /shout']")
    access = tmp_path / "access"
    wait_until(lambda: access.read_text().count('"GET /shout HTTP/1.1" 101 0') == THREADS, "the access log")


def test_lines_of_the_access_log_are_those_of_all_loops(server: Server, tmp_path: Path) -> None:
    for number in range(20):
        clients = ask(server, "/meet")
        assert [client.response().status for client in clients] == [200] * THREADS, number
    access = tmp_path / "access"
    wait_until(lambda: access.read_text().count("/meet") == 20 * THREADS, "the access log")
    assert {line.count('"') for line in access.read_text().splitlines()} == {2}, "no line is torn"


def test_an_application_may_change_what_it_has_returned_and_said_in_other_threads() -> None:
    """Each response is one that the application has meant at some moment, or a 500."""
    one, many = [b"1" * 1000], [b"2" * 1000] * 3
    fields = list(FIELDS)
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            one.append(b"1" * 1000)
            many.pop()
            fields.append(("X-More", "y"))
            one.pop()
            many.append(b"2" * 1000)
            fields.pop()
            one.clear()
            one.append(b"1" * 1000)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/over":
            over.set()
        elif not changers:
            changers.extend(threading.Thread(target=change, daemon=True) for _ in range(2))
            for thread in changers:
                thread.start()
        write = start_response("200 OK", fields)
        hints = environ["wsgi.early_hints"]
        if environ["PATH_INFO"] == "/late":
            late = threading.Thread(target=say_late, args=(start_response, write, hints))
            late.start()
        return one if environ["PATH_INFO"] == "/one" else many

    def say_late(start_response: Any, write: Any, hints: Any) -> None:
        """At any moment of its response, or after it."""
        for call in (
            lambda: start_response("200 OK", list(FIELDS)),
            lambda: hints([("Link", "</a>; rel=preload")]),
            lambda: write(b""),
        ):
            with contextlib.suppress(AssertionError, RuntimeError, ConnectionError):
                call()

    changers: list[threading.Thread] = []
    seen: list[tuple[int, int]] = []

    def client_of(server: Server) -> None:
        for number in range(200):
            path = ("/one", "/many", "/late")[number % 3]
            with Client(server.address) as client:
                client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                while (response := client.response("HEAD")).status == 103:
                    pass
                seen.append((response.status, len(client.body(response)) % 1000))

    with serving(app, threads=THREADS, many_loops=True) as server:
        clients = [threading.Thread(target=client_of, args=(server,)) for _ in range(3)]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
        assert server.get("/over").status in (200, 500)
    assert set(seen) <= {(200, 0), (500, len(b"Internal Server Error\n"))}
    assert seen.count((200, 0)) > 50
