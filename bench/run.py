"""The measurement: servers by workloads by modes, in interleaved rounds. Called by bench/__main__.py.

One worker is pinned to one CPU and wrk to another. For each cell: start the server, check one response,
warm up, read the CPU clocks, run wrk, read them again, stop the server.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import cpu, machine, tables, wrk
from bench.apps.bodies import BODY_1M
from bench.cells import FAILED, MISSING, NONE, OK, Cell, to_json
from bench.client import validate, warm_up
from bench.commands import Launch, rhebok
from bench.paths import FILE_1M, RESULTS, ROOT, STATIC
from bench.process import Address, Server, ServerFailedError, free_port, running
from bench.servers import BY_NAME as SERVERS_BY_NAME
from bench.servers import CLOSING, missing, unsupported
from bench.servers import Server as Row
from bench.workloads import STATIC_FILES, Workload

MICRO = 1e6


@dataclass(frozen=True)
class Plan:
    """The servers, workloads, modes and rounds of a run."""

    servers: Sequence[Row]
    workloads: Sequence[Workload]
    modes: Sequence[str]
    rounds: int
    load: wrk.Load
    server_cpu: int


@dataclass(frozen=True)
class Turn:
    """One cell's place in the plan."""

    server: Row
    workload: Workload
    mode: str
    round: int

    @property
    def close(self) -> bool:
        """Whether each request has its own connection."""
        return self.mode in CLOSING

    def without_figure(self, status: str, reason: str) -> Cell:
        """A cell that has only a status and the reason."""
        return Cell(self.server.name, self.workload.name, self.mode, self.round, status, reason)


def turns(plan: Plan) -> Iterator[Turn]:
    """Rounds outermost, servers innermost: A B C A B C. So the floor runs close to the other servers."""
    for number in range(1, plan.rounds + 1):
        for workload, mode, server in itertools.product(plan.workloads, plan.modes, plan.servers):
            yield Turn(server, workload, mode, number)


def pinned(server_cpu: int | str, command: Sequence[str]) -> list[str]:
    """The command, pinned with its children to one CPU, or to a list as taskset takes it."""
    return ["taskset", "-c", str(server_cpu), *command]


def environment(scratch: Path) -> dict[str, str]:
    """The environment that the applications of the bench need."""
    if not FILE_1M.exists():
        FILE_1M.parent.mkdir(exist_ok=True)
        FILE_1M.write_bytes(BODY_1M)
    STATIC.mkdir(exist_ok=True)
    for size, content in STATIC_FILES.items():
        if not (file := STATIC / f"{size}.txt").exists():
            file.write_bytes(content)
    return {"RHEBOK_BENCH_FILE": str(FILE_1M), "RHEBOK_BENCH_DB": str(scratch / "notes.db")}


@contextlib.contextmanager
def started(launch: Launch, row: Row, server_cpu: int | str) -> Iterator[Server]:
    """The server of a row, listening."""
    command = pinned(server_cpu, row.command(launch))
    with running(command, launch.address, launch.scratch / "log", environment(launch.scratch)) as server:
        yield server


def address_for(mode: str, scratch: Path) -> Address:
    """A free address of the mode's kind."""
    return str(scratch / "sock") if mode.startswith("unix") else ("127.0.0.1", free_port())


def measure_server(turn: Turn, plan: Plan, scratch: Path) -> Cell:
    """One cell of a server that listens."""
    launch = Launch(address_for(turn.mode, scratch), turn.workload, not turn.close, scratch)
    port = launch.address[1] if isinstance(launch.address, tuple) else free_port()
    with started(launch, turn.server, plan.server_cpu) as server:
        validate(launch.address, turn.workload, turn.close)
        warm_up(launch.address, turn.workload)
        before = cpu.read(server.pid)
        report = wrk.run(turn.workload, plan.load, port, launch.path, turn.close)
        spent = cpu.spent(before, cpu.read(server.pid))
    fault = report.fault(len(turn.workload.answer or b""))
    if fault:
        return turn.without_figure(FAILED, fault)
    each = MICRO / report.requests
    return replace(
        turn.without_figure(OK, ""),
        requests=report.requests,
        per_second=report.per_second,
        p50=report.p50_us,
        p99=report.p99_us,
        cpu=spent.total * each,
        user=spent.user * each,
        system=spent.system * each,
    )


def measure_bare(turn: Turn, plan: Plan, scratch: Path) -> Cell:
    """The application in a loop."""
    launch = Launch("", turn.workload, not turn.close, scratch)
    command = pinned(plan.server_cpu, [*turn.server.command(launch), str(plan.load.seconds)])
    environ = os.environ | environment(scratch)
    apps = str(ROOT / "bench" / "apps")
    done = subprocess.run(command, cwd=apps, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        return turn.without_figure(FAILED, done.stderr.strip()[-1000:])
    values = json.loads(done.stdout)
    each = MICRO / values["requests"]
    return replace(
        turn.without_figure(OK, ""),
        requests=values["requests"],
        per_second=values["requests"] / values["cpu"],
        cpu=values["cpu"] * each,
        user=values["user"] * each,
        system=values["system"] * each,
    )


def measure(turn: Turn, plan: Plan) -> Cell:
    """One cell, whatever happens."""
    if absent := missing(turn.server):
        return turn.without_figure(MISSING, absent)
    if lacking := unsupported(turn.server, turn.workload, turn.mode):
        return turn.without_figure(NONE, lacking)
    measure_kind = measure_bare if turn.server.kind == "bare" else measure_server
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        Path(scratch).chmod(0o755)  # nginx's worker runs as another user
        try:
            return measure_kind(turn, plan, Path(scratch))
        except (ServerFailedError, wrk.WrkFailedError) as error:
            log = Path(scratch, "log")
            said = log.read_text(errors="replace")[-600:].strip() if log.exists() else ""
            return turn.without_figure(FAILED, "\n".join(unique_parts(str(error), said)))


def unique_parts(error: str, said: str) -> list[str]:
    """The error and what the server said, unless the error quotes it."""
    return [error] if not said or said[-80:] in error else [error, f"the server printed: {said}"]


def progress(turn: Turn, cell: Cell) -> None:
    """One line per cell on the terminal."""
    figure = f"{cell.cpu:8.2f} µs {cell.per_second:10,.0f}/s" if cell.status == OK else cell.status
    detail = f" ({cell.reason.splitlines()[0][:100]})" if cell.status == FAILED else ""
    where = f"round {turn.round} {turn.workload.name:10} {turn.mode:15} {turn.server.name:17}"
    print(f"{where} {figure}{detail}", file=sys.stderr, flush=True)


def run(plan: Plan) -> list[Cell]:
    """All cells. After a cell that is not ok its other rounds are skipped: the summary has no figure."""
    cells: list[Cell] = []
    spoilt: set[tuple[str, str, str]] = set()
    for turn in turns(plan):
        where = (turn.server.name, turn.workload.name, turn.mode)
        if where in spoilt:
            continue
        cell = measure(turn, plan)
        cells.append(cell)
        if cell.status != OK:
            spoilt.add(where)
        if cell.status in (OK, FAILED):
            progress(turn, cell)
    return cells


def settings(plan: Plan) -> str:
    """The settings of the run, as text."""
    load = plan.load
    return (
        f"one worker on CPU {plan.server_cpu}, wrk -t1 -c{load.connections} on CPU {load.cpu}, "
        f"{plan.rounds} interleaved rounds of {load.seconds} s"
    )


def save(name: str, about: dict[str, object], cells: Sequence[Cell]) -> Path:
    """Writes results/NAME.json, without paths of this machine."""
    path = Path(name) if name.endswith(".json") else RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**about, "cells": to_json(cells)}, indent=1, ensure_ascii=False)
    path.write_text(text.replace(str(ROOT), ".") + "\n")
    return path


def rows(names: str, also: Sequence[str]) -> list[Row]:
    """The chosen servers, and other builds of rhebok given as NAME=EXECUTABLE."""
    chosen = list(SERVERS_BY_NAME) if names == "all" else names.split(",")
    found = [SERVERS_BY_NAME[name] for name in chosen]
    for pair in also:
        name, _, executable = pair.partition("=")
        path = str(Path(executable).absolute())  # it starts in the applications' directory
        ours = replace(SERVERS_BY_NAME["rhebok"], package="", program=path)
        found.append(replace(ours, name=name, command=rhebok(path)))
    return found


def execute(plan: Plan, arguments: argparse.Namespace) -> int:
    """Runs the plan, prints the report, writes the files. Returns 1 if a cell failed."""
    os.sched_setaffinity(0, {plan.load.cpu})
    about = machine.describe(plan.servers) | {"settings": settings(plan)}
    cells = run(plan)
    print(tables.render(cells, machine.heading(about)))
    if arguments.out:
        print(f"written: {save(arguments.out, about, cells)}", file=sys.stderr)
    return 1 if any(cell.status == FAILED for cell in cells) else 0
