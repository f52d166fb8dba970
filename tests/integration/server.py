"""The `rhebok` command in a process group of its own: started, waited for, stopped by pid, its log judged."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from integration.http_client import Address, Client, Response, connect
from integration.processes import descendants, group_is_empty
from integration.waiting import DEADLINE_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
APPS = Path(__file__).with_name("apps")


def command() -> list[str]:
    """The installed script that belongs to this Python, otherwise the module."""
    script = Path(sys.executable).with_name("rhebok")
    return [str(script)] if script.exists() else [sys.executable, "-m", "rhebok"]


NOT_OURS = (
    "RHEBOK_",
    "GUNICORN_",
    "PORT",
    "WEB_CONCURRENCY",
    "SERVER_STARTER",
    "LISTEN_",
    "NOTIFY_",
    "FORWARDED_",
)


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would configure the server, and with the command's directory on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath), "/usr/sbin"])
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def free_port() -> int:
    """For the programs that cannot choose one themselves and say which."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Process:
    """A program in a session of its own, its output in a file."""

    def __init__(
        self,
        argv: Sequence[str],
        directory: Path,
        *,
        pass_fds: Sequence[int] = (),
        log: Path | None = None,
        **variables: str,
    ) -> None:
        """log: where the program writes its log by itself, when that is not its output."""
        self.directory = directory
        self.name = Path(argv[0]).name
        count = len(list(directory.glob(f"{self.name}*.output")))
        output = directory / f"{self.name}{count or ''}.output"
        self._log = log or output
        with output.open("wb") as written:
            self._process = subprocess.Popen(
                argv,
                cwd=directory,
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                pass_fds=pass_fds,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="backslashreplace") if self._log.exists() else ""

    def matches(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log)

    def wait_for(self, pattern: str, count: int = 1) -> list[str]:
        """All matches in the log, once there are that many."""

        def enough() -> list[str]:
            assert not self.ended, f"{self.name} has ended:\n{self.log}"
            found = self.matches(pattern)
            return found if len(found) >= count else []

        return until(enough, lambda: f"{count} x {pattern!r} in\n{self.log}")

    @contextmanager
    def starting(self) -> Iterator[None]:
        """What fails to start is ended."""
        try:
            yield
        except BaseException:
            self.end()
            raise

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit status, once the whole group is gone."""
        status = self._process.wait(DEADLINE_SECONDS)
        until(lambda: group_is_empty(self.pid), lambda: f"{self.name} left processes behind:\n{self.log}")
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    def end(self) -> None:
        """Whatever state it is in, nothing of it is left."""
        if not group_is_empty(self.pid):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_SECONDS)


class Server(Process):
    """rhebok with its workers ready. The first listener is where the clients go."""

    def __init__(
        self,
        app: str,
        *options: str,
        directory: Path,
        workers: int = 1,
        bind: str | None = "127.0.0.1:0",
        pass_fds: Sequence[int] = (),
        log: Path | None = None,
        started_as: Sequence[str] = (),
        **variables: str,
    ) -> None:
        """started_as: a command line that ends with rhebok's, of a wrapper for instance."""
        bound = ["--bind", bind] if bind else []
        argv = [
            *(started_as or command()),
            "--workers",
            str(workers),
            "--pythonpath",
            str(APPS),
            *bound,
            *options,
            app,
        ]
        super().__init__(argv, directory, pass_fds=pass_fds, log=log, **variables)
        self.tracebacks = 0  # that the test means to have in the log
        with self.starting():
            self.wait_for(r"worker \d+ is ready", workers)
            self.address = self.addresses()[0]
            connect(self.address).close()

    def addresses(self) -> list[Address]:
        """Where it says that it listens."""
        names = self.wait_for(r" at (\S.*) \(workers")[0].split(", ")
        return [_address(name, self.directory) for name in names]

    @property
    def master(self) -> int:
        """Of the generation that started last."""
        return int(self.wait_for(r"\[(\d+)\] \[INFO\] rhebok \S+ serves")[-1])

    def workers(self) -> list[int]:
        """Workers that have said that they are ready and are alive, oldest first."""
        alive = set(descendants(self.pid))
        return [pid for pid in map(int, self.matches(r"worker (\d+) is ready")) if pid in alive]

    def wait_for_workers(self, count: int, without: Sequence[int] = ()) -> list[int]:
        """The pids, once there are exactly so many and none of `without`."""

        def settled() -> list[int]:
            workers = self.workers()
            return workers if len(workers) == count and not set(workers) & set(without) else []

        return until(settled, lambda: f"{count} workers: {self.workers()}\n{self.log}")

    def client(self) -> Client:
        return Client(self.address)

    def get(self, path: str = "/", **fields: str) -> Response:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.get(path, Connection="close", **fields)

    def judge(self) -> None:
        """Stops it, and says what a server that was used properly must not have done."""
        if not self.ended:
            status = self.stop()
            assert status == 0, f"exit status {status}:\n{self.log}"
        assert self.log.count("Traceback (most recent call last)") == self.tracebacks, self.log


def _address(name: str, directory: Path) -> Address:
    if name.startswith("unix:@"):
        return "\0" + name.removeprefix("unix:@")
    if name.startswith("unix:"):
        return str(directory / name.removeprefix("unix:"))
    host, _, port = name.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


def program(name: str) -> str:
    """Where a program is that @pytest.mark.needs has found."""
    found = shutil.which(name, path=environment()["PATH"])
    assert found, name
    return found
