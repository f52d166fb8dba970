"""A log that nobody reads blocks nothing: mended, item 15."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from signal import SIGHUP, SIGTERM

import pytest

from integration.http_client import Address, Client
from integration.processes import children
from integration.server import APPS, Process, command, free_port
from integration.waiting import until

NOISY = """
import os
def application(environ, start_response):
    for _ in range(200 if environ["PATH_INFO"] == "/noisy" else 0):
        environ["wsgi.errors"].write("x" * 1000 + "\\n")
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
"""

PAGE = 4096


class Pipe:
    """A FIFO of one page, full until it is read."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._fd, 1031, PAGE)  # F_SETPIPE_SZ

    def fill(self) -> None:
        for size in (PAGE, 100, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(self._fd, b"\n" * size)

    def read(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._fd, 1 << 20)
        return b""


class Blocked:
    """A server whose stdout or stderr nobody reads any more."""

    def __init__(self, directory: Path, stream: str) -> None:
        (directory / "noisy.py").write_text(NOISY)
        self.pipe = Pipe(directory / "pipe")
        port = free_port()
        self.address: Address = ("127.0.0.1", port)
        redirected = {"stdout": 'exec "$@" >pipe 2>log', "stderr": 'exec "$@" 2>pipe'}[stream]
        options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--kill-old-delay", "0"]
        options += ["--access-logfile", "-"] if stream == "stdout" else []
        argv = ["sh", "-c", redirected, "sh", *command(), *options, "--pythonpath", str(APPS), "noisy"]
        self.process = Process(argv, directory)
        try:
            until(self.answers)
        except BaseException:
            self.process.end()
            raise
        self.pipe.fill()

    def answers(self) -> int:
        self.pipe.read()
        with suppress(ConnectionRefusedError), Client(self.address) as client:
            return self.worker(client, "/")
        return 0

    def worker(self, client: Client, path: str = "/noisy") -> int:
        answer: int = client.get(path, Connection="close").json()
        return answer


@pytest.fixture(params=["stdout", "stderr"])
def blocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blocked]:
    server = Blocked(tmp_path, request.param)
    yield server
    server.process.end()
    print(server.process.log)


def test_requests_are_answered(blocked: Blocked) -> None:
    for _ in range(20):
        with Client(blocked.address) as client:
            assert blocked.worker(client)


def test_term_ends_it(blocked: Blocked) -> None:
    assert blocked.process.stop(SIGTERM) == 0


def test_a_deploy_works(blocked: Blocked) -> None:
    with Client(blocked.address) as client:
        blocked.worker(client)
    (old,) = children(blocked.process.pid)
    blocked.process.send(SIGHUP)
    until(lambda: len(now := children(blocked.process.pid)) == 1 and now != [old])
    with Client(blocked.address) as client:
        assert blocked.worker(client)
    assert blocked.process.stop(SIGTERM) == 0


def test_what_was_dropped_is_counted_and_said_later(tmp_path: Path) -> None:
    server = Blocked(tmp_path, "stderr")
    try:
        for _ in range(10):
            with Client(server.address) as client:
                server.worker(client)
        read = bytearray()

        def said() -> bool:
            with Client(server.address) as client:
                server.worker(client)
            read.extend(server.pipe.read())
            return b"dropped" in read or b"lost" in read

        until(said, lambda: bytes(read[-500:]))
        assert server.process.stop() == 0
    finally:
        server.process.end()
