"""Threads of the application that outlive their response, or change what the application has returned."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from gateway_server import PATIENCE, Application, serving

BIG = b"b" * (8 << 20)
FIELDS = [("Content-Type", "text/plain")]

Answer = Callable[[], Iterable[bytes]]


def fail() -> Iterable[bytes]:
    raise RuntimeError("the application fails")


class Seen:
    """Tells the worker that the client has received something of its response."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()

    def wait(self) -> None:
        assert os.read(self._read_end, 1)

    def tell(self) -> None:
        os.write(self._write_end, b"s")


def writing(answer: Answer, seen: Seen) -> Application:
    """An application that leaves a thread in write(), waiting for the client, and returns answer().
    /outcome is how the write() of the last request ended."""
    outcomes: queue.Queue[str] = queue.Queue()

    def put_outcome_of(write: Callable[[bytes], object]) -> None:
        try:
            write(BIG)
        except Exception as error:
            outcomes.put(type(error).__name__)
        else:
            outcomes.put("sent")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", FIELDS)
        if environ["PATH_INFO"] == "/outcome":
            return [outcomes.get(timeout=PATIENCE).encode()]
        if environ["PATH_INFO"] == "/":
            threading.Thread(target=put_outcome_of, args=(write,), daemon=True).start()
            seen.wait()
            return answer()
        return [environ["PATH_INFO"].encode()]

    return app


@pytest.mark.parametrize("unix", [False, True])
def test_write_raises_when_the_response_ends_while_it_waits(unix: bool) -> None:
    seen = Seen()
    with serving(writing(fail, seen), unix=unix) as server:
        for number in range(10):
            client = server.client()
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.take(1)
            seen.tell()
            # before that, write() might send all
            server.wait_for_log("RuntimeError: the application fails", number + 1)
            with contextlib.suppress(ConnectionResetError):
                assert len(client.rest()) < len(BIG)
            assert server.get(f"/{number}").body == f"/{number}".encode()
            assert server.get("/outcome").body == b"RuntimeError"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("answer", [list, lambda: iter([b"", b"x"])])
def test_clients_that_leave_during_write_disturb_no_other_response(answer: Answer, threads: int) -> None:
    seen = Seen()
    with serving(writing(answer, seen), threads=threads) as server:
        for number in range(20):
            client = server.client()
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.take(1)
            seen.tell()
            others = [server.client() for _ in range(3)]
            client.socket.close()
            for other in others:
                assert other.get(f"/{number}").body == f"/{number}".encode()
            assert server.get("/outcome").body in (b"RuntimeError", b"ConnectionError")


@pytest.mark.parametrize("threads", [1, 3])
def test_a_response_waits_for_the_block_that_another_thread_writes(threads: int) -> None:
    seen = Seen()
    with serving(writing(list, seen), threads=threads) as server:
        for _ in range(5):
            with server.client() as client:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.more()
                seen.tell()
                assert client.response().body == BIG
                assert client.get("/outcome").body in (b"sent", b"RuntimeError")


@pytest.mark.parametrize("size", [5, 9000])
@pytest.mark.parametrize("changed", [[5, None], [], [b"x" * 100_000] * 50])
def test_a_list_that_changes_while_it_is_sent_crashes_nothing(size: int, changed: list[Any]) -> None:
    """The collector runs code of the application, and so its threads, wherever something is allocated."""
    returned: list[list[Any]] = []

    def change(phase: str, info: dict[str, int]) -> None:
        if returned and phase == "start":
            returned.pop()[:] = changed

    def app(environ: dict[str, Any], start_response: Any) -> list[Any]:
        if change not in gc.callbacks:
            gc.callbacks.append(change)
        start_response("200 OK", FIELDS)
        blocks = [b"b" * size for _ in range(3)]
        gc.set_threshold(1)
        returned.append(blocks)
        return blocks

    with serving(app) as server:
        bodies = [b"b" * (3 * size), b"Internal Server Error\n"]
        if 5 not in changed:
            bodies.append(b"".join(changed))
        for _ in range(20):
            assert server.get().body in bodies


class Noisy(bytes):
    """A block whose end lets other threads run."""

    def __del__(self) -> None:
        threading.Event().wait(0)


def test_blocks_that_run_code_when_they_are_dropped_arrive_whole() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", FIELDS)
        return [Noisy(b"%05d" % number * 400) for number in range(3000)]

    with serving(app, threads=2) as server:
        client = server.client(receive_buffer=4096)
        assert client.get().body == b"".join(b"%05d" % number * 400 for number in range(3000))
