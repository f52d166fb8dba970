"""Many connections that do little: `python -m bench crowd` shows their cost for one worker of Rhebok.

It measures the latency of a normal client with 5,000 slow clients (slow_clients.py), and the server's CPU
time per request with 10,000 idle connections, each with the crowd and without it in turns, so that drift
cancels. It also measures how much memory the idle connections add.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import cpu, machine, memory, run, wrk
from bench.cells import range_of
from bench.commands import script
from bench.paths import ROOT
from bench.process import Address, Server, ServerFailedError, connect, free_port, running
from bench.servers import BY_NAME
from bench.slow_clients import ABORT
from bench.workloads import BY_NAME as WORKLOADS

HELLO = WORKLOADS["hello"]
KEPT = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CLOSED = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
SPARE_FILES = 1000
MICRO = 1e6


@dataclass
class Series:
    """One figure in each round, without the crowd and with it."""

    name: str
    unit: str
    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of the rounds."""
        return statistics.median(
            beside / without for without, beside in zip(self.without, self.beside, strict=True)
        )

    @property
    def line(self) -> str:
        """A row of Markdown."""
        return (
            f"| {self.name} | {shown(self.without)} | {shown(self.beside)} | {self.unit} | {self.ratio:.2f} |"
        )


def shown(values: Sequence[float]) -> str:
    """Median and range."""
    found = range_of(values)
    return f"{found.median:.1f} ({found.least:.1f} to {found.most:.1f})"


@contextlib.contextmanager
def served(executable: str, server_cpu: int) -> Iterator[Server]:
    """One worker without a limit of connections."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        address: Address = ("127.0.0.1", free_port())
        limits = ["--max-connections", "0", "--keep-alive", "600"]
        command = [executable, "-w", "1", "-b", f"{address[0]}:{address[1]}", *limits, "crowd:application"]
        with running(run.pinned(server_cpu, command), address, Path(scratch, "log"), {}) as server:
            yield server


# ---- the normal client ----


def ask(connection: socket.socket, request: bytes) -> None:
    """One request and its response, which is so short that it comes in one piece."""
    connection.sendall(request)
    if not connection.recv(4096).startswith(b"HTTP/1.1 200 "):
        raise ServerFailedError("the normal client got no answer")


def kept_alive(address: Address, seconds: float) -> list[float]:
    """Microseconds of each request, one after the other on one connection."""
    took, until = [], time.perf_counter() + seconds
    with connect(address) as connection:
        while (began := time.perf_counter()) < until:
            ask(connection, KEPT)
            took.append((time.perf_counter() - began) * MICRO)
    return took


def fresh(address: Address, seconds: float) -> list[float]:
    """Microseconds of each request on a connection of its own, including the connect."""
    took, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        with connect(address) as connection:
            ask(connection, CLOSED)
        took.append((time.perf_counter() - began) * MICRO)
    return took


# ---- the crowds ----


@contextlib.contextmanager
def slow_clients(address: Address, count: int) -> Iterator[list[int]]:
    """They are connected during the block. Then the list has the number of times that they reconnected."""
    reconnects: list[int] = []
    command = ["nice", "-n", "10", sys.executable, "-m", "bench.slow_clients", *map(str, address), str(count)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as crowd:
        assert crowd.stdout is not None
        assert crowd.stdin is not None
        if crowd.stdout.readline() != "ready\n":
            raise ServerFailedError("the crowd could not connect")
        with connect(address) as connection:  # after all of them in the queue
            ask(connection, CLOSED)
        yield reconnects
        crowd.stdin.close()
        reconnects.append(int(crowd.stdout.readline()))


@contextlib.contextmanager
def idle_clients(address: Address, count: int) -> Iterator[None]:
    """Idle connections: each has served one request and stays open until the end."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            held.append(connect(address))
            held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            ask(held[-1], KEPT)
        yield
        if kept := sum(map(memory.is_open, held)) - count:
            raise ServerFailedError(f"the server had closed {-kept} of the idle connections")
    finally:
        for connection in held:
            connection.close()


# ---- the measurements ----


LATENCIES: dict[str, Callable[[Address, float], list[float]]] = {
    "kept alive": kept_alive,
    "new connection": fresh,
}


def latencies(server: Server, seconds: float) -> Iterator[float]:
    """Median and 99th percentile of each kind of client, in turn."""
    for client in LATENCIES.values():
        ordered = sorted(client(server.address, seconds))
        yield statistics.median(ordered)
        yield ordered[len(ordered) * 99 // 100]


def measure_latency(options: argparse.Namespace) -> tuple[list[Series], int]:
    """The latency of a normal client, and how often slow clients had to reconnect."""
    series = [Series(f"{name}, {which}", "µs") for name in LATENCIES for which in ("median", "p99")]
    reconnects = 0
    with served(options.rhebok, options.server_cpu) as server:
        kept_alive(server.address, 0.5)
        for _ in range(options.rounds):
            for figure, value in zip(series, latencies(server, options.seconds), strict=True):
                figure.without.append(value)
            with slow_clients(server.address, options.slow) as gone:
                for figure, value in zip(series, latencies(server, options.seconds), strict=True):
                    figure.beside.append(value)
            reconnects += gone[0]
    return series, reconnects


def measure_memory(options: argparse.Namespace) -> float:
    """Bytes of PSS that an idle connection adds to the whole tree."""
    with served(options.rhebok, options.server_cpu) as server:
        kept_alive(server.address, 0.5)
        before = sum(memory.pss_of_tree(server.pid).values())
        with idle_clients(server.address, options.idle):
            after = sum(memory.pss_of_tree(server.pid).values())
    return (after - before) * 1024 / options.idle


def cpu_per_request(server: Server, options: argparse.Namespace, close: bool) -> float:
    """Microseconds of server CPU per request, under wrk."""
    load = wrk.Load(int(options.seconds), 32, options.client_cpu)
    before = cpu.read(server.pid)
    report = wrk.run(HELLO, load, int(server.address[1]), None, close)
    spent = cpu.spent(before, cpu.read(server.pid))
    if fault := report.fault(len(HELLO.answer or b"")):
        raise ServerFailedError(fault)
    return spent.total * MICRO / report.requests


def measure_cpu(options: argparse.Namespace) -> list[Series]:
    """The cost of a request with idle connections."""
    series = {
        False: Series("CPU per request, kept alive", "µs"),
        True: Series("CPU per request, close", "µs"),
    }
    with served(options.rhebok, options.server_cpu) as server:
        for _ in range(options.rounds):
            for close, figure in series.items():
                figure.without.append(cpu_per_request(server, options, close))
            with idle_clients(server.address, options.idle):
                for close, figure in series.items():
                    figure.beside.append(cpu_per_request(server, options, close))
    return list(series.values())


# ---- the report ----


def report(title: str, series: Sequence[Series]) -> None:
    """A table."""
    print(f"\n{title}\n\n| | without | with | | ratio |\n|---|--:|--:|---|--:|")
    for figure in series:
        print(figure.line, flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench crowd", description=__doc__)
    parser.add_argument("--rhebok", default=script("rhebok"), help="the executable")
    parser.add_argument("--slow", type=int, default=5000, help="slow clients, a third of each kind")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each client in each round")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints."""
    options = parse(arguments)
    options.rhebok = str(Path(options.rhebok).absolute())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(options.slow, options.idle) + SPARE_FILES, hard))
    os.sched_setaffinity(0, {options.client_cpu})
    gc.disable()
    about = machine.describe([BY_NAME["rhebok"]])
    about["settings"] = (
        f"one worker on CPU {options.server_cpu}, clients on CPU {options.client_cpu}, "
        f"{options.rounds} rounds of {options.seconds:g} s"
    )
    print("\n".join(machine.heading(about)), flush=True)
    latency, reconnects = measure_latency(options)
    report(
        f"With {options.slow:,} slow clients ({reconnects:,} reconnected after the server closed)", latency
    )
    each = measure_memory(options)
    print(f"\n{each:.0f} bytes of PSS for each of {options.idle:,} idle connections", flush=True)
    report(f"With {options.idle:,} idle connections", measure_cpu(options))
    return 0
