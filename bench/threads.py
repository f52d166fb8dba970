"""Threads without the GIL: `python -m bench threads --python PYTHON` compares one worker with one thread,
one worker with several, several workers with one each, and granian.

PYTHON is a free-threaded CPython with Rhebok and Flask installed: `make free-threaded-test` leaves one in
build/free-threaded/.venv; granian is measured if it is installed there. The rounds are interleaved.

Server and client share all processors, so the rate of many threads over that of one is limited by what the
client takes. The server's CPU per request is not. From that follows the rate with processors that nobody else
uses: as many requests as there are threads, each as dear as measured. It is computed, not measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import cpu, run, wrk
from bench.client import validate
from bench.memory import KIB_PER_MIB, pss_of_tree
from bench.process import Address, free_port, running
from bench.workloads import BY_NAME, Workload


@dataclass(frozen=True)
class Shape:
    """So many workers of so many threads."""

    workers: int
    threads: int
    server: str = "rhebok"
    alone: bool = False  # each worker loads the application by itself, and shares less with the others

    @property
    def loops(self) -> int:
        """How many requests can be served at the same time."""
        return self.workers * self.threads

    def __str__(self) -> str:
        counts = f"{self.server} {self.workers} x {self.threads}"
        return f"{counts}, --no-preload" if self.alone else counts

    def command(self, python: str, port: int, app: str) -> list[str]:
        """The server's command line."""
        return COMMANDS[self.server](self, python, port, app)


def rhebok(shape: Shape, python: str, port: int, app: str) -> list[str]:
    """This server."""
    counts = ["--workers", str(shape.workers), "--threads", str(shape.threads)]
    loading = ["--no-preload"] if shape.alone else []
    return [python, "-m", "rhebok", "--bind", f"127.0.0.1:{port}", *counts, *loading, app]


def granian(shape: Shape, python: str, port: int, app: str) -> list[str]:
    """granian, whose workers are threads of one process when there is no GIL."""
    counts = ["--workers", str(shape.threads), "--blocking-threads", "1", "--runtime-threads", "1"]
    protocol = ["--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "warning"]
    return [python, "-m", "granian", "--host", "127.0.0.1", "--port", str(port), *counts, *protocol, app]


COMMANDS = {"rhebok": rhebok, "granian": granian}


def has_granian(python: str) -> bool:
    """Whether that interpreter can import it."""
    return subprocess.run([python, "-c", "import granian"], capture_output=True, check=False).returncode == 0


def shapes_of(count: int, python: str) -> list[Shape]:
    """All, the first of which the others are compared with."""
    shapes = [Shape(1, 1), Shape(1, count), Shape(count, 1), Shape(count, 1, alone=True)]
    return [*shapes, Shape(1, 1, "granian"), Shape(1, count, "granian")] if has_granian(python) else shapes


@dataclass(frozen=True)
class Round:
    """Requests per second, microseconds of server CPU per request, and KiB of PSS of the tree."""

    per_second: float
    cpu_us: float
    pss: int


def measure(python: str, shape: Shape, workload: Workload, load: wrk.Load) -> Round:
    """One round of one shape."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        address: Address = ("127.0.0.1", free_port())
        argv, environ = shape.command(python, address[1], workload.app), run.environment(Path(scratch))
        with running(argv, address, Path(scratch, "log"), environ) as server:
            validate(address, workload, close=False)
            before = cpu.read(server.pid)
            report = wrk.run(workload, load, int(address[1]), None, close=False)
            spent = cpu.spent(before, cpu.read(server.pid))
            pss = sum(pss_of_tree(server.pid).values())
    return Round(report.per_second, spent.total / report.requests * 1e6, pss)


def figures(shape: Shape, rounds: list[Round], ones: list[Round]) -> str:
    """One row of Markdown. ones: the rounds of the first shape; ratios are within a round."""
    pairs = list(zip(rounds, ones, strict=True))
    rate = statistics.median(here.per_second / one.per_second for here, one in pairs)
    cost = statistics.median(here.cpu_us / one.cpu_us for here, one in pairs)
    pss = statistics.median(here.pss for here in rounds) / KIB_PER_MIB
    return f"| {shape} | {rate:.2f} | {cost:.2f} | {shape.loops / cost:.2f} | {pss:.1f} |"


def main(arguments: list[str]) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench threads", description=__doc__)
    parser.add_argument("--python", required=True, help="the free-threaded interpreter")
    parser.add_argument("--workloads", default="hello,flask")
    parser.add_argument("--count", type=int, default=2, help="threads, or workers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=int, default=3, help="seconds of wrk a round")
    options = parser.parse_args(arguments)
    load = wrk.Load(options.duration, 32, f"0-{(os.cpu_count() or 1) - 1}")
    shapes = shapes_of(options.count, options.python)
    titles = "rate / 1 x 1 | CPU per request / 1 x 1 | computed: rate if the client took no CPU | PSS MiB"
    print(f"| workload | workers x threads | {titles} |\n|---|---|--:|--:|--:|--:|")
    for workload in map(BY_NAME.__getitem__, options.workloads.split(",")):
        rounds: dict[Shape, list[Round]] = {shape: [] for shape in shapes}
        for _ in range(options.rounds):
            for shape in shapes:
                rounds[shape].append(measure(options.python, shape, workload, load))
        for shape in shapes:
            print(f"| {workload.name} {figures(shape, rounds[shape], rounds[shapes[0]])}", flush=True)
    return 0
