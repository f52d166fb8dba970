"""A deploy under load: `python -m bench.deploys`.

Measures the time from the signal to the first response of the new code, the throughput of the worst 100
ms, and the number of failed requests, for a Flask application under Rhebok's HUP, gunicorn's HUP and
gunicorn's USR2. Clients open a connection for each request, so every refusal and every reset is a
failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGHUP, SIGTERM, SIGUSR2

from bench import cpu
from bench.commands import script
from bench.process import Address, Server, answers, connect, exit_on_signals, free_port, running, until

APPLICATION = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def hello():
    return "version {version}"
"""

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
BUCKET = 0.1  # seconds
PATIENCE = 30.0


@dataclass(frozen=True)
class Way:
    """A server, and how it deploys."""

    name: str
    command: Callable[[str], list[str]]
    deploy: Callable[[Server], None]
    end_old: Callable[[Server], None]  # called after the first response of the new code


@dataclass
class Load:
    """The results of the clients: the time of each response, by version, and of each failure."""

    address: Address
    answers: dict[str, list[float]] = field(default_factory=lambda: {"1": [], "2": []})
    failures: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask_on(self) -> None:
        while not self.stop.is_set():
            try:
                with connect(self.address) as connection:
                    connection.sendall(REQUEST)
                    response = b"".join(iter(lambda c=connection: c.recv(65536), b""))  # type: ignore[misc]
                self.answers[response.rpartition(b"version ")[2].decode()].append(time.monotonic())
            except (OSError, KeyError):
                self.failures.append(time.monotonic())


def nothing(_server: Server) -> None:
    """HUP ends the old processes by itself."""


def end_old_gunicorn(server: Server) -> None:
    """After USR2 the old master goes on serving until its user ends it."""
    server.process.send_signal(SIGTERM)


WAYS = (
    Way(
        "rhebok HUP",
        lambda bind: [script("rhebok"), "-w", "2", "-b", bind, "deployed:app"],
        lambda server: server.process.send_signal(SIGHUP),
        nothing,
    ),
    Way(
        "gunicorn HUP",
        lambda bind: [script("gunicorn"), "-w", "2", "-b", bind, "deployed:app"],
        lambda server: server.process.send_signal(SIGHUP),
        nothing,
    ),
    Way(
        "gunicorn USR2",
        lambda bind: [script("gunicorn"), "-w", "2", "-b", bind, "--pid", "pid", "deployed:app"],
        lambda server: server.process.send_signal(SIGUSR2),
        end_old_gunicorn,
    ),
)


@dataclass(frozen=True)
class Outcome:
    first_answer: float  # seconds from the signal
    dip: float  # the worst bucket after the signal, as a fraction of the usual one
    answers: int
    failures: int


def measure(way: Way, clients: int, seconds: float) -> Outcome:
    """One deploy."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as name:
        scratch, port = Path(name), free_port()
        source = scratch / "deployed.py"
        source.write_text(APPLICATION.format(version=1))
        # Only the application: this source tree would hide the installed packages.
        environ = {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
        command = ["env", "-C", name, *way.command(f"127.0.0.1:{port}")]
        with running(command, ("127.0.0.1", port), scratch / "log", environ) as server:
            answers(server.address, PATIENCE)
            try:
                return under_load(way, server, source, clients, seconds)
            finally:
                end_re_executed(scratch / "pid")


def end_re_executed(pid_file: Path) -> None:
    """gunicorn's new master is not our child once the old one has ended."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        family = [stat.pid for stat in cpu.tree(pid)]
        os.kill(pid, SIGTERM)
        for _ in until(time.monotonic() + PATIENCE):
            if not any(Path(f"/proc/{each}").exists() for each in family):
                return


def under_load(way: Way, server: Server, source: Path, clients: int, seconds: float) -> Outcome:
    load = Load(server.address)
    threads = [threading.Thread(target=load.ask_on) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(seconds)
        source.write_text(APPLICATION.format(version=2))
        signalled = time.monotonic()
        way.deploy(server)
        for _ in until(signalled + PATIENCE):
            if load.answers["2"]:
                break
        way.end_old(server)
        time.sleep(seconds)
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    return judge(load, signalled)


def judge(load: Load, signalled: float) -> Outcome:
    times = sorted(load.answers["1"] + load.answers["2"])
    first = min(load.answers["2"], default=float("inf")) - signalled
    before = buckets([each for each in times if each < signalled], times[0], signalled)
    after = buckets([each for each in times if each >= signalled], signalled, times[-1])
    return Outcome(first, min(after) / statistics.median(before), len(times), len(load.failures))


def buckets(times: Sequence[float], start: float, end: float) -> list[int]:
    """The number of responses in each whole bucket."""
    counts = [0] * max(1, int((end - start) / BUCKET))
    for each in times:
        index = int((each - start) / BUCKET)
        if index < len(counts):
            counts[index] += 1
    return counts


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.deploys", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load before and after")
    values = parser.parse_args(arguments)
    exit_on_signals()
    print(f"{'':15}{'first new response':>19}{'worst 100 ms':>14}{'responses':>11}{'failed':>8}")
    for _ in range(values.rounds):
        for way in WAYS:
            seen = measure(way, values.clients, values.seconds)
            print(
                f"{way.name:15}{seen.first_answer:17.2f} s{seen.dip:14.0%}{seen.answers:11}{seen.failures:8}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
