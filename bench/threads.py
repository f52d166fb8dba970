"""Threads without the GIL: `python -m bench threads --python PYTHON` compares one worker with one thread,
one worker with several, and several workers with one each.

PYTHON is a free-threaded CPython with Rhebok and Flask installed: `make free-threaded-test` leaves one in
build/free-threaded/.venv. Server and client share all processors, so the rate of many threads over that of
one is limited by what the client takes; the server's CPU per request is not. The rounds are interleaved.
"""

from __future__ import annotations

import argparse
import os
import statistics
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

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads}"


@dataclass(frozen=True)
class Round:
    """Requests per second, microseconds of server CPU per request, and KiB of PSS of the tree."""

    per_second: float
    cpu_us: float
    pss: int


def command(python: str, shape: Shape, address: Address, workload: Workload) -> list[str]:
    """The server's command line."""
    counts = ["--workers", str(shape.workers), "--threads", str(shape.threads)]
    return [python, "-m", "rhebok", "--bind", f"127.0.0.1:{address[1]}", *counts, workload.app]


def measure(python: str, shape: Shape, workload: Workload, load: wrk.Load) -> Round:
    """One round of one shape."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        address: Address = ("127.0.0.1", free_port())
        argv, environ = command(python, shape, address, workload), run.environment(Path(scratch))
        with running(argv, address, Path(scratch, "log"), environ) as server:
            validate(address, workload, close=False)
            before = cpu.read(server.pid)
            report = wrk.run(workload, load, int(address[1]), None, close=False)
            spent = cpu.spent(before, cpu.read(server.pid))
            pss = sum(pss_of_tree(server.pid).values())
    return Round(report.per_second, spent.total / report.requests * 1e6, pss)


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
    shapes = [Shape(1, 1), Shape(1, options.count), Shape(options.count, 1)]
    print("| workload | workers x threads | rate / 1 x 1 | CPU per request / 1 x 1 | PSS MiB |")
    print("|---|---|--:|--:|--:|")
    for workload in map(BY_NAME.__getitem__, options.workloads.split(",")):
        rounds: dict[Shape, list[Round]] = {shape: [] for shape in shapes}
        for _ in range(options.rounds):
            for shape in shapes:
                rounds[shape].append(measure(options.python, shape, workload, load))
        for shape in shapes:
            pairs = list(zip(rounds[shape], rounds[shapes[0]], strict=True))
            rate = statistics.median(here.per_second / one.per_second for here, one in pairs)
            cost = statistics.median(here.cpu_us / one.cpu_us for here, one in pairs)
            pss = statistics.median(here.pss for here in rounds[shape]) / KIB_PER_MIB
            print(f"| {workload.name} | {shape} | {rate:.2f} | {cost:.2f} | {pss:.1f} |", flush=True)
    return 0
