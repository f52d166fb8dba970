"""A native Worker in a process of its own, for the tests of this folder. The process is forked, so the
application may be any callable of the test. The tests use it through `serving`."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, make_dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from rhebok.native.worker import Worker, live_objects
from rhebok.serving.channel import Channel
from rhebok.serving.many_loops import ManyLoops, gil_is_off
from rhebok.serving.scoreboard import Score, Scoreboard
from rhebok.settings.table import FORWARDED_HEADERS

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PATIENCE = 20.0  # seconds, for every wait
LEAKED = 70  # exit status of a worker that ends with live objects

DEFAULTS: dict[str, Any] = {
    "threads": 1,
    "oobgc": 0,
    "chunked": True,
    "limit_request_line": 4094,
    "limit_request_head": 32768,
    "limit_request_field_size": 8190,
    "limit_request_fields": 100,
    "limit_request_body": 0,
    "body_buffer": 1 << 20,
    "cache_entry": 1 << 20,
    "cache_wait": 5.0,
    "keep_alive": 75,
    "header_timeout": 15,
    "body_timeout": 60,
    "send_timeout": 60,
    "min_rate": 256,
    "max_connections": 10_000,
    "max_keepalive_requests": 0,
    "server_header": "Rhebok",
    "forwarded_allow_ips": ("127.0.0.1", "::1", "unix"),
    "forwarded_headers": FORWARDED_HEADERS,
    "proxy_protocol": "off",
    "proxy_allow_ips": ("127.0.0.1", "::1", "unix"),
    "early_hints": True,
    "log_queries": False,
    "board": True,
    "request_id": None,
    "access_log_sample": 1,
    "access_log_slow": 1,
    "access_log_exclude": (),
    "static": (),
    "static_max_age": (),
    "static_immutable": True,
    "static_only": (),
    "static_uploads": (),
    "static_index": None,
    "sendfile_root": (),
    "access_logfile": None,
    "access_logformat": '%(h)s "%(r)s" %(s)s %(B)s',
}


@dataclass
class Listening:
    """A listener, as a Worker needs it."""

    socket: socket.socket
    is_unix: bool
    server_name: str = "test.example"
    server_port: str = "8000"

    def fileno(self) -> int:
        return self.socket.fileno()


@dataclass
class Response:
    """One response as it was received."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    raw_head: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} is repeated"
        return values[0] if values else None


class Client:
    """A connection that parses responses strictly and checks how they end."""

    def __init__(self, address: str | tuple[str, int], receive_buffer: int | None = None) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.buffer = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def get(self, path: str = "/", *fields: str, method: str = "GET", version: str = "1.1") -> Response:
        lines = [f"{method} {path} HTTP/{version}", "Host: test.example", *fields, "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))
        return self.response(method)

    def more(self) -> bool:
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError(f"the connection ended {size - len(self.buffer)} bytes early")
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def take_until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            if not self.more():
                raise EOFError(f"the connection ended before {end!r}: {self.buffer!r}")
        return self.take(self.buffer.index(end) + len(end))

    def rest(self) -> bytes:
        while self.more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def closed(self) -> bool:
        """Waits until the server closes the connection; False when it sends bytes instead."""
        return not self.buffer and not self.more()

    def response(self, method: str = "GET") -> Response:
        raw = self.take_until(b"\r\n\r\n")
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        version, status, reason = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        response = Response(int(status), reason, headers, b"", raw)
        if method != "HEAD" and response.status not in (204, 304):
            response.body = self.body(response)
        return response

    def body(self, response: Response) -> bytes:
        if response.header("Transfer-Encoding") == "chunked":
            return b"".join(self.chunks())
        length = response.header("Content-Length")
        return self.rest() if length is None else self.take(int(length))

    def chunks(self) -> Iterator[bytes]:
        while size := int(self.take_until(b"\r\n"), 16):
            yield self.take(size)
            assert self.take(2) == b"\r\n"
        assert self.take(2) == b"\r\n"


@dataclass
class Server:
    """The worker process, for its test."""

    pid: int
    address: str | tuple[str, int]
    log_path: Path
    scoreboard: Scoreboard
    expected_status: int = 0
    clients: list[Client] = field(default_factory=list)

    def client(self, receive_buffer: int | None = None) -> Client:
        client = Client(self.address, receive_buffer)
        self.clients.append(client)
        return client

    def get(self, path: str = "/", *fields: str, method: str = "GET", version: str = "1.1") -> Response:
        """One request on a connection of its own."""
        with Client(self.address) as client:
            return client.get(path, *fields, method=method, version=version)

    def score(self) -> Score:
        """The score of a worker with one thread."""
        (score,) = self.scoreboard.read(0)
        return score

    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for_log(self, text: str, count: int = 1) -> str:
        """The log, once it has the text so often."""
        return wait_until(lambda: self.log().count(text) >= count and self.log(), f"{text!r} in the log")

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of condition; fails with `what` after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"timed out: {what}"
        select.select([], [], [], 0.005)
    return value


def loops_of(threads: int, many_loops: bool) -> int:
    """As in a real worker: without the GIL each thread has one."""
    return threads if many_loops or gil_is_off() else 1


def worker_maker(
    threads: int, scoreboard: Scoreboard, many_loops: bool
) -> tuple[Callable[..., Any], Channel | None]:
    """As in a real worker: connections move between several loops."""
    if loops_of(threads, many_loops) == 1:
        return Worker, None
    return partial(ManyLoops, Worker, partial(scoreboard.read, 0)), Channel(scoreboard, 1, threads, threads)


def run_worker(
    app: Application,
    listening: socket.socket,
    is_unix: bool,
    settings: dict[str, Any],
    max_requests: int,
    log_path: Path,
    scoreboard: Scoreboard,
    many_loops: bool,
) -> int:
    """In the forked process; returns its exit status."""
    with open(log_path, "a", buffering=1) as errors:
        logging.basicConfig(stream=errors, level=logging.DEBUG, force=True)
        readable, writable = os.pipe()
        os.set_blocking(readable, False)
        os.set_blocking(writable, False)
        make_worker, channel = worker_maker(settings["threads"], scoreboard, many_loops)
        worker = make_worker(
            app,
            [Listening(listening, is_unix)],
            make_dataclass("Settings", settings)(**settings),
            errors=errors,
            logger=logging.getLogger(),
            wakeup_fd=readable,
            max_requests=max_requests,
            multiprocess=True,
            score=scoreboard.view(0),
            board=scoreboard.board(0) if settings["board"] else None,
            channel=channel,
            slot=0,
        )
        worker.prepare()
        signal.set_wakeup_fd(writable)
        install_signals(worker, errors)
        worker.run()
        install_signals(None, errors)
        del worker
        alive = {kind: count for kind, count in live_objects().items() if count > 0}
        if alive:
            print("left alive:", alive, file=errors)
        return LEAKED if alive else 0


class Interrupted(BaseException):
    """What SIGUSR1 raises in the request of the first thread."""


def install_signals(worker: Any, errors: TextIO) -> None:
    """TERM: stop. USR1: interrupt the first thread. USR2: do what a worker does before it ends at once."""

    def say(*words: object) -> None:
        if not errors.closed:  # run() has raised
            print(*words, file=errors)

    def stop(*_: object) -> None:
        if worker is not None:
            worker.stop()
            say("told to stop")

    def interrupt(*_: object) -> None:
        worker.interrupt(0, Interrupted)
        say("told to interrupt")

    def cut(*_: object) -> None:
        say("cut:", worker.in_progress())
        worker.log_cut()
        worker.flush_logs()

    for number, handler in {signal.SIGTERM: stop, signal.SIGUSR1: interrupt, signal.SIGUSR2: cut}.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def serving(
    app: Application,
    *,
    unix: bool = False,
    max_requests: int = 0,
    many_loops: bool = False,
    **settings: Any,
) -> Iterator[Server]:
    """A worker that serves app until the block ends, and must then stop cleanly.

    many_loops: with threads, each has a loop also where there is a GIL.
    """
    with tempfile.TemporaryDirectory() as directory:
        log_path = Path(directory, "log")
        log_path.touch()
        listening = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        listening.bind(str(Path(directory, "socket")) if unix else ("127.0.0.1", 0))
        listening.listen(128)
        threads = settings.get("threads", 1)
        scoreboard = Scoreboard(threads, boards=loops_of(threads, many_loops))
        scoreboard.claim_slot()
        pid = os.fork()
        if pid == 0:
            status = 99
            try:
                try:
                    options = DEFAULTS | settings
                    status = run_worker(
                        app, listening, unix, options, max_requests, log_path, scoreboard, many_loops
                    )
                except BaseException as error:
                    log_path.write_text(f"{log_path.read_text()}{error!r}\n")
                finally:
                    sys.stdout.flush()
            finally:  # also when a signal's handler raised above
                os._exit(status)
        address = listening.getsockname()
        listening.close()
        server = Server(pid, address, log_path, scoreboard)
        try:
            yield server
        finally:
            for client in server.clients:
                client.socket.close()
            status = server.stop()
            if scoreboard.fd is not None:
                os.close(scoreboard.fd)
        assert status == server.expected_status, f"exit status {status}: {server.log()}"
