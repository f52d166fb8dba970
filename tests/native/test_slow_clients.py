"""One thread, and clients that do not read: the worker serves others meanwhile."""

from __future__ import annotations

import contextvars
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import serving, wait_until

BIG = 8_000_000
current: contextvars.ContextVar[str] = contextvars.ContextVar("current", default="nobody")


def big_responses(path: Path) -> Any:
    def blocks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * (BIG // 80)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        match environ["PATH_INFO"]:
            case "/list":
                return [b"x" * BIG]
            case "/pieces":
                return [b"x" * 1000] * (BIG // 1000)
            case "/iterator":
                return blocks()
            case "/file":
                return environ["wsgi.file_wrapper"](open(path, "rb"))
        return [b"small"]

    return app


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("kind", ["list", "pieces", "iterator", "file"])
def test_twenty_clients_that_do_not_read_delay_no_new_request(tmp_path: Path, kind: str, unix: bool) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * BIG)
    with serving(big_responses(path), unix=unix) as server:
        slow = [server.client(receive_buffer=4096) for _ in range(20)]
        for client in slow:
            client.send(f"GET /{kind} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        for client in slow:
            client.more()  # its response has begun
        assert server.get().body == b"small"
        for client in slow[:3]:  # and they get all of it once they read
            assert client.response().body == b"x" * BIG


def test_a_suspended_iterator_keeps_its_context_variables() -> None:
    """Flask's stream_with_context needs this: a variable that a response has set is set when it is resumed,
    and not in the requests served meanwhile."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        name = environ["PATH_INFO"][1:]
        start_response("200 OK", [])
        if name == "who":
            return [current.get().encode()]

        def blocks() -> Iterator[bytes]:
            token = current.set(name)
            for _ in range(30):
                yield b"x" * 100_000
                assert current.get() == name
            current.reset(token)
            yield b"still " + name.encode()

        return blocks()

    with serving(app) as server:
        one, two = server.client(receive_buffer=4096), server.client(receive_buffer=4096)
        for client, path in ((one, b"/one"), (two, b"/two")):
            client.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
            client.more()
            assert server.get("/who").body == b"nobody"
        assert one.response().body.endswith(b"still one")
        assert server.get("/who").body == b"nobody"
        assert two.response().body.endswith(b"still two")
        assert server.get("/who").body == b"nobody"
        assert "Traceback" not in server.log()


def test_close_of_a_suspended_file_sees_the_context_variables_of_its_request(tmp_path: Path) -> None:
    path, seen = tmp_path / "big", tmp_path / "seen"
    path.write_bytes(b"x" * BIG)

    class File:
        def __init__(self) -> None:
            self.file = open(path, "rb")  # noqa: SIM115
            self.read = self.file.read

        def close(self) -> None:
            self.file.close()
            seen.write_text(current.get())

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        current.set(environ["PATH_INFO"])
        return environ["wsgi.file_wrapper"](File()) if environ["PATH_INFO"] == "/file" else [b"small"]

    with serving(app) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
        client.more()
        assert server.get("/other").body == b"small"
        assert len(client.response().body) == BIG
        assert wait_until(lambda: seen.exists() and seen.read_text(), "close()") == "/file"


def test_a_suspended_iterator_that_is_dropped_leaves_no_context_variables(tmp_path: Path) -> None:
    closed = tmp_path / "closed"

    class Blocks:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x" * BIG] * 2)

        def close(self) -> None:
            closed.touch()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/who":
            return [current.get().encode()]
        current.set("left behind")
        return Blocks()

    with serving(app, send_timeout=0.2) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: server.score().sending, "the response to wait")
        assert server.get("/who").body == b"nobody"
        wait_until(closed.exists, "the response to be dropped")
        assert server.get("/who").body == b"nobody"


def test_an_iterator_is_not_advanced_while_its_client_does_not_read(tmp_path: Path) -> None:
    progress = tmp_path / "progress"

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/progress":
            return [progress.read_bytes()]

        def blocks() -> Iterator[bytes]:
            for number in range(1000):
                progress.write_text(str(number))
                yield b"x" * 100_000

        return blocks()

    with serving(app) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take(1000)
        assert int(server.get("/progress").body) < 200


def test_the_scoreboard_counts_the_bytes_of_suspended_responses(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * BIG)
    with serving(big_responses(path)) as server:
        for kind, least, most in (
            ("list", BIG // 10, BIG),
            ("pieces", BIG // 10, BIG),
            ("iterator", 1, BIG // 80 + 100),
            ("file", 0, 1000),
        ):
            client = server.client(receive_buffer=4096)
            client.send(f"GET /{kind} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            client.more()
            wait_until(lambda: server.score().sending == 1, "the response to wait")
            assert least <= server.score().unsent <= most, kind
            client.response()
            wait_until(lambda: not server.score().sending, "its end")
            assert server.score().unsent == 0


@pytest.mark.parametrize("way", ["iterator", "write"])
def test_the_scoreboard_has_the_request_line_of_a_resumed_response(tmp_path: Path, way: str) -> None:
    ended = tmp_path / "ended"

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [])

        def blocks() -> Iterator[bytes]:
            for _ in range(80):
                if way == "write":
                    write(b"x" * (BIG // 80))
                else:
                    yield b"x" * (BIG // 80)
            ended.touch()

        return blocks() if environ["PATH_INFO"] == "/big" else [b"small"]

    with serving(app) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"POST /big?q HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        client.more()
        if way == "iterator":
            wait_until(lambda: server.score().sending, "the response to wait")
            server.get("/other")
        client.response()
        wait_until(ended.exists, "its end")
        assert server.score().raw_line == b"POST /big?q"


def test_blocks_that_have_been_sent_are_released(tmp_path: Path) -> None:
    size, count = 100_000, 80
    gone = tmp_path / "gone"

    class Block(bytes):
        def __del__(self) -> None:
            with gone.open("ab") as file:
                file.write(b".")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [Block(b"x" * size) for _ in range(count)]

    gone.touch()
    with serving(app) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        client.take(size * count // 2)
        wait_until(lambda: gone.stat().st_size >= count // 2, "half of the blocks to go")
        assert server.score().sending == 1
        assert gone.stat().st_size + server.score().unsent // size <= count
        client.take(size * count // 2)
        wait_until(lambda: gone.stat().st_size == count, "all blocks to go")


def test_signal_handlers_run_while_write_waits_for_a_client() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        def hear(*_: Any) -> None:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # the test asks until it is heard
            raise RuntimeError("heard")

        write = start_response("200 OK", [])
        if environ["PATH_INFO"] == "/endless":
            signal.signal(signal.SIGUSR1, hear)
        while environ["PATH_INFO"] == "/endless":
            write(b"w" * 100_000)
        return [b"small"]

    with serving(app) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take(1000)

        def heard() -> bool:
            os.kill(server.pid, signal.SIGUSR1)
            return "RuntimeError: heard" in server.log()

        wait_until(heard, "the handler to run")
        assert server.get().body == b"small"
