"""`python -m bench turns`: for a machine that is not quiet. All servers are up, and wrk asks them in turns.

Each turn is a second. The ratio to the first server is computed within each turn, so what else the machine
does falls on all alike. Servers have the first CPU and wrk the second one; with --workers, all have all CPUs.

A CPU halts while its server waits for wrk, and may have lost what was in its caches when it goes on, most of
all in a virtual machine. With --awake a process of the lowest priority (SCHED_IDLE) keeps each CPU from that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from bench import cpu, run, wrk
from bench.client import validate, warm_up
from bench.commands import Launch
from bench.process import free_port
from bench.servers import BY_NAME, CLOSING, MODES
from bench.workloads import BY_NAME as WORKLOADS
from bench.workloads import Workload

SERVER_CPU, CLIENT_CPU = 0, 1
ALL_CPUS = f"0-{(os.cpu_count() or 1) - 1}"

SPINNER = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while True:
    pass
"""


@dataclass
class Site:
    """One server that is up, and its figures: µs of CPU per request."""

    name: str
    launch: Launch
    pid: int
    figures: list[float] = field(default_factory=list)


def open_site(stack: ExitStack, name: str, workload: Workload, mode: str, workers: int) -> Site:
    """Starts a server and checks an answer of it."""
    close = mode in CLOSING
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rhebok-bench-")))
    scratch.chmod(0o755)
    launch = Launch(run.address_for(mode, scratch), workload, not close, scratch, workers)
    server = stack.enter_context(run.started(launch, BY_NAME[name], SERVER_CPU if workers == 1 else ALL_CPUS))
    validate(launch.address, workload, close)
    warm_up(launch.address, workload)
    return Site(name, launch, server.pid)


def take_turn(site: Site) -> None:
    """A second of wrk. A fault has no figure, and is said."""
    launch = site.launch
    port = launch.address[1] if isinstance(launch.address, tuple) else free_port()
    load = wrk.Load(1, 32, CLIENT_CPU if launch.workers == 1 else ALL_CPUS)
    before = cpu.read(site.pid)
    report = wrk.run(launch.workload, load, port, launch.path, not launch.keep_alive)
    spent = cpu.spent(before, cpu.read(site.pid))
    if fault := report.fault(len(launch.workload.answer or b"")):
        raise wrk.WrkFailedError(f"{site.name}: {fault}")
    site.figures.append(spent.total / report.requests * run.MICRO)


def measure(names: list[str], workload: Workload, mode: str, turns: int, workers: int) -> None:
    """One line for each server."""
    with ExitStack() as stack:
        able = [name for name in names if mode in BY_NAME[name].modes]
        sites = [open_site(stack, name, workload, mode, workers) for name in able]
        for turn in range(turns):
            for site in sites if turn % 2 == 0 else reversed(sites):
                take_turn(site)
    for site in sites:
        ratio = statistics.median(a / b for a, b in zip(site.figures, sites[0].figures, strict=True))
        figure = f"{statistics.median(site.figures):7.2f} µs (least {min(site.figures):.2f})"
        print(f"{workload.name:10} {mode:14} {site.name:17} {figure}, ratio {ratio:.2f}", flush=True)


@contextmanager
def awake() -> Iterator[None]:
    """No CPU halts: on each runs what gives way to everything else."""
    with ExitStack() as stack:
        for number in range(os.cpu_count() or 1):
            spinner = subprocess.Popen([sys.executable, "-c", SPINNER, str(number)])
            stack.callback(spinner.wait)
            stack.callback(spinner.kill)
        yield


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench turns", description=__doc__)
    parser.add_argument("--servers", default="floor,rhebok-cache,nginx")
    parser.add_argument("--workload", default="cached2k", choices=list(WORKLOADS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--workers", type=int, default=1, help="of each server, those of the floor too")
    parser.add_argument("--awake", action="store_true", help="no CPU halts while it waits")
    options = parser.parse_args(arguments)
    if options.workers == 1:
        os.sched_setaffinity(0, {CLIENT_CPU})
    workload = WORKLOADS[options.workload]
    with awake() if options.awake else nullcontext():
        for mode in options.modes.split(","):
            measure(options.servers.split(","), workload, mode, options.turns, options.workers)
    return 0
