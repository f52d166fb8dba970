"""Memory: `python -m bench memory` shows the memory of a server with 1 and 8 workers, and of an idle
connection.

It measures the PSS of the whole tree from /proc/PID/smaps_rollup (a page shared by n processes counts 1/n
in each), after a second of load, with and without preloading if the server has that option. Then it
measures the growth of PSS per idle connection that has served one request, without the kernel's buffers.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import cpu, machine, run, wrk
from bench.client import check_answer, validate
from bench.commands import Launch
from bench.process import Address, Server, ServerFailedError, connect, free_port, running
from bench.servers import BY_NAME, missing
from bench.servers import Server as Row
from bench.workloads import BY_NAME as WORKLOADS
from bench.workloads import Workload

KIB_PER_MIB = 1024
MANY_WORKERS = 8
FILES = 16384
IDLE_SECONDS = 20.0  # for opening all idle connections


@dataclass(frozen=True)
class Memory:
    """One measurement: KiB of PSS, of the tree and of its root alone."""

    server: str
    workers: int
    preload: bool
    total: int = 0
    root: int = 0
    processes: int = 0
    idle_connection: float | None = None
    fault: str = ""


def parse_pss(text: str) -> int:
    """The KiB of the Pss line in a smaps_rollup; 0 for a process without memory (a zombie)."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def pss_of(pid: int) -> int:
    """KiB of one process; 0 if it has ended."""
    try:
        return parse_pss(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def pss_of_tree(root: int) -> dict[int, int]:
    """KiB by process id."""
    return {stat.pid: pss_of(stat.pid) for stat in cpu.tree(root)}


def is_close(row: Row) -> bool:
    """Whether the load must be without keep-alive."""
    return "tcp-keepalive" not in row.modes


@contextlib.contextmanager
def loaded(row: Row, workload: Workload, workers: int, preload: bool, load: wrk.Load) -> Iterator[Server]:
    """The server after its second of load, on TCP."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        address: Address = ("127.0.0.1", free_port())
        launch = Launch(address, workload, not is_close(row), Path(scratch), workers, preload)
        Path(scratch).chmod(0o755)  # nginx's worker is another user
        environ = run.environment(launch.scratch)
        with running(row.command(launch), address, launch.scratch / "log", environ) as server:
            validate(address, workload, is_close(row))
            wrk.run(workload, load, int(address[1]), None, is_close(row))
            yield server


def hold_idle(
    address: Address, workload: Workload, count: int, stack: contextlib.ExitStack
) -> list[socket.socket]:
    """Opens connections, sends one request on each, and keeps them until the stack ends."""
    deadline, held = time.monotonic() + IDLE_SECONDS, []
    for number in range(count):
        if time.monotonic() > deadline:
            raise ServerFailedError(f"after {IDLE_SECONDS:.0f} s only {number} had been answered")
        held.append(stack.enter_context(connect(address)))
        check_answer(held[-1], workload, close=False)
    return held


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed it."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return connection.recv(1, socket.MSG_PEEK) != b""
    return True


def idle_connection(server: Server, workload: Workload, count: int) -> float:
    """KiB of PSS that one idle connection adds. The server must still accept and answer a new one."""
    with contextlib.ExitStack() as stack:
        before = sum(pss_of_tree(server.pid).values())
        held = hold_idle(server.address, workload, count, stack)
        validate(server.address, workload, close=True)
        after = sum(pss_of_tree(server.pid).values())
        kept = sum(map(is_open, held))
        if kept < count:
            raise ServerFailedError(f"it had closed {count - kept} of them")
        return (after - before) / count


def measure(row: Row, workload: Workload, workers: int, preload: bool, options: argparse.Namespace) -> Memory:
    """One line of the table."""
    load = wrk.Load(1, 32, options.client_cpu)
    empty = Memory(row.name, workers, preload)
    try:
        with loaded(row, workload, workers, preload, load) as server:
            pss = pss_of_tree(server.pid)
            found = replace(empty, total=sum(pss.values()), root=pss[server.pid], processes=len(pss))
            if workers == 1 and not preload and not is_close(row):
                found = measure_idle(found, server, workload, options.idle)
            return found
    except (ServerFailedError, wrk.WrkFailedError) as error:
        return replace(empty, fault=str(error).splitlines()[0])


def measure_idle(found: Memory, server: Server, workload: Workload, count: int) -> Memory:
    """Adds the cost of an idle connection, or the reason why it is not known."""
    try:
        return replace(found, idle_connection=idle_connection(server, workload, count))
    except (ServerFailedError, OSError) as error:
        return replace(found, fault=f"does not hold {count} idle connections: {error}")


def variants(row: Row) -> list[tuple[int, bool]]:
    """The numbers of workers, with and without preloading."""
    workers = [1, MANY_WORKERS] if row.workers else [1]
    return [(count, preload) for count in workers for preload in ([False, True] if row.preload else [False])]


def line(found: Memory) -> str:
    """One row of Markdown."""
    preload = "yes" if found.preload else "no"
    if not found.total:
        return f"| {found.server} | {found.workers} | {preload} | - | - | - | {found.fault} |"
    each = "-" if found.idle_connection is None else f"{found.idle_connection:.2f}"
    total, root = found.total / KIB_PER_MIB, found.root / KIB_PER_MIB
    idle = found.fault or each
    sizes = f"{total:.1f} | {root:.1f} | {found.processes}"
    return f"| {found.server} | {found.workers} | {preload} | {sizes} | {idle} |"


def parse(arguments: list[str]) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench memory", description=__doc__)
    parser.add_argument("--servers", default="all")
    parser.add_argument("--workload", default="hello", choices=list(WORKLOADS))
    parser.add_argument("--idle", type=int, default=1000, help="idle connections to hold")
    parser.add_argument("--client-cpu", type=int, default=1)
    parser.add_argument("--out", default="", help="write results/OUT.json")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measures and prints."""
    options, workload = parse(arguments), WORKLOADS[parse(arguments).workload]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    names = list(BY_NAME) if options.servers == "all" else options.servers.split(",")
    rows = [row for row in map(BY_NAME.__getitem__, names) if row.kind in workload.peers]
    found = []
    print(f"PSS after load, workload {workload.name}, MiB (idle connection: KiB)\n")
    print("| server | workers | preload | tree | root process | processes | idle connection |")
    print("|---|--:|---|--:|--:|--:|--:|")
    for row in rows:
        if absent := missing(row):
            print(f"| {row.name} | - | - | MISSING | - | - | {absent} |")
            continue
        for workers, preload in variants(row):
            found.append(measure(row, workload, workers, preload, options))
            print(line(found[-1]), flush=True)
    if options.out:
        about = machine.describe(rows) | {"settings": f"memory, workload {workload.name}"}
        run.save(options.out, about | {"memory": [asdict(one) for one in found]}, [])
    return 0
