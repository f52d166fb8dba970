"""Applications that fork: the worker serves on, and the child does not become a second worker."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Server, serving, wait_until

GOOD = [("Content-Type", "text/plain")]
ALWAYS_WATCHED = 2  # the listener, and the pipe of the signals


def returns(_start_response: Any) -> Any:
    return [b"child"]


def returns_many(_start_response: Any) -> Any:
    return [b"child"] * 100_000


def raises(_start_response: Any) -> Any:
    raise RuntimeError("in the child")


def exits(_start_response: Any) -> Any:
    sys.exit()


def exits_with_status(_start_response: Any) -> Any:
    sys.exit(3)


def exits_with_text(_start_response: Any) -> Any:
    sys.exit("no use")


CHILDREN: dict[str, tuple[Callable[[Any], Any], int]] = {
    "returns": (returns, 1),
    "returns_many": (returns_many, 1),
    "raises": (raises, 1),
    "exits": (exits, 0),
    "exits_with_status": (exits_with_status, 3),
    "exits_with_text": (exits_with_text, 1),
}


def forking(child: Callable[[Any], Any]) -> Any:
    """An application that answers /fork with the exit status of its child, and other paths with its PID."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        if environ["PATH_INFO"] != "/fork":
            return [str(os.getpid()).encode()]
        pid = os.fork()
        if pid == 0:
            return child(start_response)
        _, status = os.waitpid(pid, 0)
        return [str(os.waitstatus_to_exitcode(status)).encode()]

    return app


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_returns_to_the_server_ends_and_only_the_parent_answers(name: str) -> None:
    child, status = CHILDREN[name]
    with serving(forking(child)) as server:
        with server.client() as client:
            assert client.get("/fork").body == str(status).encode()
            assert client.get().body == str(server.pid).encode()
        assert server.get().body == str(server.pid).encode()


def test_a_child_forked_between_two_blocks_ends_too() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"first "
        pid = os.fork()
        if pid == 0:
            yield b"child"
        os.waitpid(pid, 0)
        yield b"last"

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        return blocks()

    with serving(app) as server:
        assert server.get().body == b"first last"
        server.wait_for_log("a process forked by the application ends")


@pytest.mark.parametrize("unix", [False, True])
def test_a_connection_is_closed_although_a_child_has_its_descriptor(unix: bool) -> None:
    held, release = os.pipe()

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        if os.fork() == 0:
            os.close(release)
            os.read(held, 1)  # until the test has gone
            os._exit(0)
        return iter([b"and the end"])

    with serving(app, unix=unix) as server:
        with server.client() as client:
            assert client.get(version="1.0").body == b"and the end"
        os.close(held)
        os.close(release)


def watched_by(server: Server) -> int:
    """How many descriptors the worker has in epoll."""
    found = 0
    for info in Path(f"/proc/{server.pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += info.read_text().count("tfd:")
    return found


def test_a_signal_handler_in_a_child_does_not_change_the_worker_s_epoll() -> None:
    children: list[int] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", GOOD)
        if environ["PATH_INFO"] == "/fork":
            pid = os.fork()
            if pid == 0:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])  # its handler runs here
                os._exit(0)
            os.waitpid(pid, 0)
            children.append(pid)
        return [str(len(children)).encode()]

    with serving(app) as server:
        assert server.get().body == b"0"
        wait_until(lambda: watched_by(server) == ALWAYS_WATCHED, "epoll without connections")
        assert server.get("/fork").body == b"1"
        assert server.get().body == b"1"
        wait_until(lambda: watched_by(server) == ALWAYS_WATCHED, "the same")
