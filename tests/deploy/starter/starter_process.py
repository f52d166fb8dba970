"""Runs one superdaemon, ours or Perl's start_server, in a directory of its own, and watches what it does."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("starter_program.py")
OURS = (sys.executable, "-m", "rhebok.starter")
PATIENCE = 20.0


def until(what: str, condition: Callable[[], T], patience: float = PATIENCE) -> T:
    """The first true value of the condition."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        time.sleep(0.01)
    return value


@cache
def perl_start_server() -> str | None:
    """Where Perl's start_server is; Go's has the same name but is another program."""
    path = shutil.which("start_server")
    if path is None:
        return None
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return path if version.startswith("0.3") else None


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Superdaemon:
    """One superdaemon and its files in `home`; several may share a home, with `name` apart."""

    def __init__(self, executable: tuple[str, ...], home: Path, name: str = "") -> None:
        self.executable = executable
        self.home = home
        self.pid_file = home / "pid"
        self.status_file = home / "status"
        self._output = home / f"output{name}"
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[subprocess.Popen[str]] = []

    @property
    def short_interval(self) -> str:
        """An --interval in which a failing program has surely failed; Perl's takes whole seconds only."""
        return "0.7" if self.executable == OURS else "1"

    @property
    def short_wait(self) -> str:
        """The shortest time, in seconds, that is a wait at all."""
        return "0.3" if self.executable == OURS else "1"

    @property
    def files(self) -> tuple[str, ...]:
        """The flags that name the pid file and the status file."""
        return ("--pid-file", str(self.pid_file), "--status-file", str(self.status_file))

    # Starting and ending

    def start(
        self, *flags: str, program: tuple[str, ...] | None = None, env: Mapping[str, str] | None = None
    ) -> "Superdaemon":
        """Starts it with the pid and status files and, unless the flags say otherwise, an interval of 0."""
        interval = () if "--interval" in flags else ("--interval", "0")
        return self.start_plain(*self.files, *interval, *flags, program=program, env=env)

    def start_plain(
        self, *flags: str, program: tuple[str, ...] | None = None, env: Mapping[str, str] | None = None
    ) -> "Superdaemon":
        command = [*self.executable, *flags, "--", *(program or self.program())]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=self.home, env=self._environ(env), stdout=output, stderr=output
            )
        return self

    def program(self, source: Path = PROGRAM) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", str(source), str(self.home))

    def own_program(self, name: str, source: str) -> tuple[str, ...]:
        """A program of the test's own, which may import starter_program as `base`."""
        path = self.home / f"{name}.py"
        head = f"import sys\nsys.path.insert(0, {str(PROGRAM.parent)!r})\nimport starter_program as base\n"
        path.write_text(head + source)
        return self.program(path)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One command line of the same superdaemon, run to its end."""
        return subprocess.run(
            [*self.executable, *arguments], cwd=self.home, env=self._environ(None), capture_output=True,
            text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def client(self, *arguments: str) -> "subprocess.Popen[str]":
        """A client command that may take a while."""
        process = subprocess.Popen(
            [*self.executable, *arguments], cwd=self.home, env=self._environ(None), text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._clients.append(process)
        return process

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hup(self) -> None:
        self.send(signal.SIGHUP)

    def hup_daemon(self) -> None:
        """HUP to the process that the pid file names."""
        os.kill(int(self.pid_file.read_text()), signal.SIGHUP)

    def exit_status(self) -> int:
        assert self._process is not None
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the superdaemon does not end; its output:\n{self.output()}") from None

    def stop(self) -> int:
        """TERM, and the exit status."""
        self.send(signal.SIGTERM)
        return self.exit_status()

    def clean_up(self) -> None:
        """Ends whatever is left of what the test started, by pid: softly, then hard."""
        (self.home / "linger").unlink(missing_ok=True)
        processes: list[subprocess.Popen[Any]] = [*self._clients]
        if self._process is not None:
            processes.insert(0, self._process)
        for process in processes:
            process.terminate()
            try:
                process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        daemons = [int(self.pid_file.read_text() or 0)] if self.pid_file.exists() else []
        for pid in (*daemons, *(event["pid"] for event in self.events())):
            if alive(pid) and str(self.home) in Path(f"/proc/{pid}/cmdline").read_text():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # Watching

    def output(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def events(self, **wanted: object) -> list[dict[str, Any]]:
        """The notes of the program whose entries are as wanted, in order."""
        path = self.home / "events"
        text = path.read_text() if path.exists() else ""
        entries = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [entry for entry in entries if all(entry.get(key) == value for key, value in wanted.items())]

    def event(self, **wanted: object) -> dict[str, Any]:
        """The first such note, waited for."""
        try:
            return until(f"the event {wanted}", lambda: self.events(**wanted))[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; output:\n{self.output()}") from None

    def started(self, generation: int) -> dict[str, Any]:
        return self.event(event="started", generation=generation)

    def signals(self, generation: int) -> list[str]:
        return [entry["name"] for entry in self.events(event="signal", generation=generation)]

    def status(self) -> str:
        return self.status_file.read_text() if self.status_file.exists() else ""

    def wait_status(self, *generations: int) -> None:
        """Waits until the status file has exactly these generations, with their pids."""
        expected = "".join(f"{each}:{self.started(each)['pid']}\n" for each in generations)
        until(f"the status {expected!r}; it is {self.status()!r}", lambda: self.status() == expected)

    def serving(self, generation: int) -> None:
        """Waits until this generation is the only one and has noted its start."""
        self.started(generation)
        self.wait_status(generation)

    def _environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SERVER_STARTER")}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        # Compiled once for all tests, and not into the checkout.
        cache_at = {"PYTHONPYCACHEPREFIX": str(self.home.parent / "pycache"), "PYTHONDONTWRITEBYTECODE": ""}
        return {**inherited, "PYTHONPATH": path, **cache_at, **(more or {})}


# Clients


def ask(address: Any) -> int:
    """The generation that answers at a TCP address or a unix path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if isinstance(address, (tuple, list)):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        address = tuple(address)
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(address)
        return int(sock.recv(64))


def ask_udp(address: list[Any]) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(b"?", tuple(address))
        return int(sock.recv(64))


def free_port() -> int:
    """A TCP and UDP port that nobody has at the moment."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("0.0.0.0", 0))
            with suppress(OSError):
                udp.bind(("0.0.0.0", tcp.getsockname()[1]))
                return int(tcp.getsockname()[1])


def locked(path: Path) -> bool:
    """Whether somebody has an exclusive flock on the file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
