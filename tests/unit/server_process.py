"""Runs the `rhebok` command in a process of its own, with the worker of fakes, and talks to it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unit.conditions import DEADLINE_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
FAKE_COMMAND = [sys.executable, str(Path(__file__).with_name("fakes.py"))]
REAL_COMMAND = [sys.executable, "-m", "rhebok"]


def environment(**more: str) -> dict[str, str]:
    """The environment of the tests, without variables that would configure the server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RHEBOK_", "GUNICORN_", "WEB_CONC", "SERVER_", "PORT"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def run_command(
    directory: Path, *arguments: str, command: list[str] = REAL_COMMAND, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Runs the command to its end."""
    return subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


class Server:
    def __init__(self, directory: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.directory = directory
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for(self, pattern: str, count: int = 1) -> list[str]:
        """All matches in the log, as soon as there are `count`."""
        return until(lambda: self._matches(pattern, count), lambda: f"{count} x {pattern!r} in:\n{self.log}")

    def _matches(self, pattern: str, count: int) -> list[str]:
        found = re.findall(pattern, self.log)
        return found if len(found) >= count else []

    @property
    def port(self) -> int:
        return int(self.wait_for(r"http://127\.0\.0\.1:(\d+)")[0])

    def get(self, path: str = "/", unix: Path | None = None) -> str:
        """The body of one response."""
        family, address = (socket.AF_UNIX, str(unix)) if unix else (socket.AF_INET, ("127.0.0.1", self.port))
        with socket.socket(family) as client:
            client.settimeout(DEADLINE_SECONDS)
            client.connect(address)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        return answer.partition(b"\r\n\r\n")[2].decode()

    def workers(self) -> list[int]:
        """The pids of the master's children."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def serving(
    directory: Path, *arguments: str, ready: int = 1, pass_fds: tuple[int, ...] = (), **variables: str
) -> Iterator[Server]:
    """A server with `ready` workers ready; killed at the end with all its workers."""
    log = directory / "stderr.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*FAKE_COMMAND, *arguments],
            cwd=directory,
            env=environment(**variables),
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            pass_fds=pass_fds,
        )
    server = Server(directory, process, log)
    try:
        if ready:
            server.wait_for(r"worker \d+ is ready", ready)
        yield server
    finally:
        if process.poll() is None:
            for worker in server.workers():
                os.kill(worker, signal.SIGKILL)
            process.kill()
            process.wait()
