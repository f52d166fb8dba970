"""The servers that the cases are run against: for each a command, started with the echo application on one
socket and stopped by its process id. One row a server; used by the runner and by compare.py."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import wire

HERE = Path(__file__).parent
START_SECONDS = 20.0
STOP_SECONDS = 10.0

# The limits that cases/limits.toml and cases/body_size.toml count on.
LINE, FIELD, FIELDS, HEAD, BODY = 8190, 8190, 100, 65536, 100_000


@dataclass(frozen=True)
class Server:
    name: str
    command: Callable[[str], list[str]]  # from an address (unix:PATH or HOST:PORT)
    version: Callable[[], str]


# cases/forwarded.toml is about all of them.
FORWARDED_HEADERS = (
    "x-forwarded-for,x-forwarded-proto,x-forwarded-host,x-forwarded-port,x-forwarded-ssl,x-forwarded-protocol,"
    "forwarded"
)


def _rhebok(address: str) -> list[str]:
    program = Path(sys.executable).with_name("rhebok")
    return [
        str(program), "-w", "1", "-b", address, "--chdir", str(HERE), "--log-level", "warning",
        f"--limit-request-line={LINE}", f"--limit-request-head={HEAD}", f"--limit-request-fields={FIELDS}",
        f"--limit-request-field_size={FIELD}", f"--limit-request-body={BODY}",
        f"--forwarded-headers={FORWARDED_HEADERS}", "--static", "/static/=static", "--static", "/only/=only",
        "--static-only", "/only/", "echo_app:application",
    ]  # fmt: skip


def _rhebok_threads(address: str) -> list[str]:
    return [*_rhebok(address), "--threads", "3"]


def _gunicorn(address: str) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "-w", "1", "-k", "gthread", "--threads", "16", "-b", address,
        "--chdir", str(HERE), "--keep-alive", "75", "--log-level", "critical", f"--limit-request-line={LINE}",
        f"--limit-request-fields={FIELDS}", f"--limit-request-field_size={FIELD}", "echo_app:application",
    ]  # fmt: skip


def _waitress(address: str) -> list[str]:
    bind = f"--unix-socket={address[5:]}" if address.startswith("unix:") else f"--listen={address}"
    return [
        sys.executable, "-m", "waitress", bind, "--threads=16", f"--max-request-header-size={HEAD}",
        f"--max-request-body-size={BODY}", "echo_app:application",
    ]  # fmt: skip


def _version_of(package: str) -> Callable[[], str]:
    def version() -> str:
        return importlib.metadata.version(package)

    return version


SERVERS = {
    server.name: server
    for server in (
        Server("rhebok", _rhebok, _version_of("rhebok")),
        Server("rhebok-threads", _rhebok_threads, _version_of("rhebok")),
        Server("gunicorn", _gunicorn, _version_of("gunicorn")),
        Server("waitress", _waitress, _version_of("waitress")),
    )
}

TRANSPORTS = ("tcp", "unix")


class ServerFailed(RuntimeError):
    """A server did not start; says what it wrote."""


@contextlib.contextmanager
def running(server: Server, transport: str) -> Iterator[str]:
    """Starts it and gives its address."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
        address = f"unix:{directory}/socket" if transport == "unix" else f"127.0.0.1:{_free_port()}"
        log = Path(directory, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                server.command(address), stdout=output, stderr=output, cwd=HERE, start_new_session=True
            )
        try:
            _wait_until_it_answers(server, process, address, log)
            yield address
        finally:
            _stop(process)


def worker_pid(address: str) -> int:
    """Of the process that runs the application; asked over the wire."""
    with wire.connect(address, START_SECONDS) as sock:
        client = wire.Client(sock, [], START_SECONDS)
        client.send(wire.PROBE)
        if not client.wait_for_responses(1):
            raise ServerFailed(f"{address}: no answer")
        return int(json.loads(client.responses[0].body)["pid"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _wait_until_it_answers(server: Server, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ServerFailed):
            worker_pid(address)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)  # it may also give up
    _stop(process)
    written = log.read_text(errors="replace")[-2000:]
    raise ServerFailed(f"{server.name} did not answer on {address}:\n{written}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """TERM; who does not listen is killed with all that it started, which is its session."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
