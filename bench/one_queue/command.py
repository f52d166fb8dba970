"""`python -m bench queue`: does a request wait for a busy worker while another is idle?

Four workers with one thread each and kept connections: the latency under an open loop beside one ideal queue,
the rate of clients that joined slowly, and how evenly connections are spread.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence

from bench import machine, run
from bench.one_queue import measure, tables
from bench.one_queue.arrivals import WORKERS
from bench.one_queue.outcomes import to_json
from bench.one_queue.sites import BY_NAME, Site, chosen
from bench.servers import Server as Row

PARTS = ("latency", "joiners", "balance")
QUICK = {"rounds": 1, "seconds": 1.0, "connections": [16], "loads": [40]}


def names_from(known: Iterable[str]) -> Callable[[str], str]:
    """An argparse type: a comma list of known names, or `all`."""
    names = list(known)

    def check(text: str) -> str:
        if text != "all" and (unknown := [name for name in text.split(",") if name not in names]):
            raise argparse.ArgumentTypeError(
                f"no such name: {', '.join(unknown)}; there are {', '.join(names)}"
            )
        return text

    return check


def numbers(text: str) -> list[int]:
    """An argparse type: a comma list of numbers."""
    return [int(part) for part in text.split(",")]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench queue", description=__doc__)
    add = parser.add_argument
    add("--sites", type=names_from(BY_NAME), default="all", help="comma list: " + ", ".join(BY_NAME))
    add("--parts", type=names_from(PARTS), default="all", help=", ".join(PARTS))
    add("--connections", type=numbers, default=[16, 64], help="kept connections, a comma list")
    add("--loads", type=numbers, default=[40, 70], help="percent of what the workers can do, a comma list")
    add("--also", action="append", default=[], metavar="NAME=EXECUTABLE", help="another build of rhebok")
    add("--rounds", type=int, default=3)
    add("--seconds", type=float, default=4.0, help="of arrivals in each round")
    add("--seed", type=int, default=1, help="another seed, other arrivals")
    add("--server-cpu", type=int, help="pins the servers; by default nothing is pinned")
    add("--client-cpu", type=int, help="pins the client")
    add("--quick", action="store_true", help="one round of a second, 16 connections, 40 %%: does it work?")
    add("--out", default="", help="write results/OUT.json, or this path when it ends in .json")
    values = parser.parse_args(arguments)
    if values.quick:
        vars(values).update(QUICK)
    return values


def plan_of(values: argparse.Namespace) -> measure.Plan:
    """The run that the flags ask for."""
    sites = chosen(values.sites, values.also)
    return measure.Plan(
        sites=sites,
        latency_sites=[site for site in sites if site.latency or values.sites != "all"],
        parts=frozenset(PARTS if values.parts == "all" else values.parts.split(",")),
        connections=values.connections,
        loads=values.loads,
        rounds=values.rounds,
        seconds=values.seconds,
        seed=values.seed,
        server_cpu=values.server_cpu,
    )


def settings(plan: measure.Plan) -> str:
    """The settings of the run, as text."""
    where = "nothing is pinned" if plan.server_cpu is None else f"servers on CPU {plan.server_cpu}"
    return (
        f"{WORKERS} workers of one thread, {plan.rounds} interleaved rounds of {plan.seconds:g} s, "
        f"seed {plan.seed}, {where}"
    )


def rows_of(sites: Sequence[Site]) -> list[Row]:
    """Servers and proxies, each once."""
    return list({row.name: row for site in sites for row in site.rows}.values())


def main(arguments: Sequence[str]) -> int:
    """Measures, prints the report, writes the file. Returns 1 if something that ran failed."""
    values = parse(arguments)
    if values.client_cpu is not None:
        os.sched_setaffinity(0, {values.client_cpu})
    plan = plan_of(values)
    about = machine.describe(rows_of(plan.sites)) | {"settings": settings(plan)}
    found = measure.execute(plan)
    print(tables.render(found, machine.heading(about)))
    if values.out:
        print(f"written: {run.save(values.out, about | to_json(found), [])}", file=sys.stderr)
    return 1 if tables.failed(found) else 0
