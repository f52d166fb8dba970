"""Starts a server, waits until it answers, and ends all its processes.

Used by bench/run.py, memory.py and instructions.py as a context manager: however the block is left, all
processes of the tree that was started are ended, by their process ids.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import cpu
from bench.paths import APPS

START_SECONDS = 30.0
STOP_SECONDS = 5.0
Address = tuple[str, int] | str  # (host, port), or the path of a unix socket


class ServerFailedError(Exception):
    """The server did not start or did not answer; the text includes what it printed."""


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connect(address: Address, timeout: float = 10.0) -> socket.socket:
    """A connection to the server."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def answers(address: Address, seconds: float) -> bool:
    """Whether a request gets any response: a supervisor listens before its workers serve."""
    with contextlib.suppress(ConnectionResetError), connect(address, seconds) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return connection.recv(1) != b""
    return False


def until(deadline: float) -> Iterator[None]:
    """The turns of a loop that waits: one every 20 ms until the deadline (time.monotonic)."""
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines that the server printed."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.strip().splitlines()[-lines:]) or "(it printed nothing)"


class Server:
    """A running server: its process, its address, its output."""

    def __init__(self, command: Sequence[str], address: Address, log: Path, environ: dict[str, str]) -> None:
        self.address = address
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=APPS,
                env=os.environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The root of the tree."""
        return self.process.pid

    def wait_until_it_listens(self, seconds: float = START_SECONDS) -> None:
        """Returns when a connection succeeds."""
        for _ in until(time.monotonic() + seconds):
            if self.process.poll() is not None:
                raise ServerFailedError(f"it ended with status {self.process.returncode}:\n{tail(self.log)}")
            with contextlib.suppress(OSError):
                connect(self.address).close()
                return
        raise ServerFailedError(f"it did not listen within {seconds:.0f} s:\n{tail(self.log)}")

    def ask_to_stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Sends SIGTERM to the root. Returns whether it ended in time."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

    def destroy(self) -> None:
        """Ends every process of the tree: SIGTERM to the root first, then SIGKILL."""
        self.ask_to_stop()
        for _ in until(time.monotonic() + STOP_SECONDS):
            family = [stat.pid for stat in cpu.tree(self.pid) if stat.is_alive]
            if not family:
                break
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
        self.process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str],
    address: Address,
    log: Path,
    environ: dict[str, str],
    seconds: float = START_SECONDS,
) -> Iterator[Server]:
    """A server that listens, for the duration of the block."""
    try:
        server = Server(command, address, log, environ)
    except OSError as error:
        raise ServerFailedError(f"cannot run {command[0]}: {error}") from error
    try:
        server.wait_until_it_listens(seconds)
        yield server
    finally:
        server.destroy()


def exit_on_signals() -> None:
    """Turns TERM and HUP into SystemExit, so that the context managers above end their servers."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
