"""The measurement: interleaved rounds of all sites, each freshly started. Called by command.py."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bench.cells import FAILED, MISSING, OK
from bench.one_queue import ideal, loops
from bench.one_queue.arrivals import WORKERS, Arrivals, poisson
from bench.one_queue.connections import Connections
from bench.one_queue.outcomes import IDEAL, Balance, Joiners, Latency, Outcomes, with_latencies
from bench.one_queue.sites import Site, started
from bench.process import Address, ServerFailedError

JOINERS, JOINERS_MS, JOINERS_SECONDS = 16, 5, 1.5
WAYS = {
    "slowly, asking": (True, True),
    "slowly, silent": (True, False),
    "at once, asking": (False, True),
    "at once, silent": (False, False),
}


@dataclass(frozen=True)
class Plan:
    """A run. loads in percent."""

    sites: Sequence[Site]
    latency_sites: Sequence[Site]
    parts: frozenset[str]  # latency, joiners, balance
    connections: Sequence[int]
    loads: Sequence[int]
    rounds: int
    seconds: float
    seed: int
    server_cpu: int | None


def arrivals_of(plan: Plan, load: int, number: int) -> Arrivals:
    """The requests of one round: another round has others, another server the same."""
    return poisson(plan.seed * 1_000_000 + load * 1000 + number, load / 100, plan.seconds)


# ---- one figure ----

One = TypeVar("One", Latency, Joiners, Balance)


def attempt(
    site: Site, plan: Plan, empty: Sequence[One], measure: Callable[[Address], Iterator[One]]
) -> list[One]:
    """The figures of a fresh server. `empty` has the place of each; those that fail say why."""
    if absent := site.missing:
        return [replace(one, status=MISSING, reason=absent) for one in empty]
    found: list[One] = []
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch:
        Path(scratch).chmod(0o755)
        try:
            with started(site, Path(scratch), plan.server_cpu) as address:
                found.extend(measure(address))
        except (ServerFailedError, OSError) as error:
            reason = str(error)
            found += [replace(one, status=FAILED, reason=reason) for one in empty[len(found) :]]
    return found


def latency(site: Site, plan: Plan, empty: Latency) -> list[Latency]:
    """One round of the open loop."""
    arrivals = arrivals_of(plan, empty.load, empty.round)

    def measure(address: Address) -> Iterator[Latency]:
        with Connections(address) as connections:
            connections.join(empty.connections)
            outcome = loops.open_loop(connections, arrivals, plan.seed)
        yield with_latencies(empty, arrivals, outcome.seconds, outcome.waited)

    return attempt(site, plan, [empty], measure)


def ideal_latency(plan: Plan, load: int, number: int) -> Latency:
    """The same round with the ideal queue."""
    arrivals = arrivals_of(plan, load, number)
    service = [sleep_ms / 1000 for sleep_ms in arrivals.sleep_ms]
    seconds = ideal.latencies(arrivals.due, service, WORKERS)
    return with_latencies(Latency(IDEAL, 0, load, number), arrivals, seconds, 0)


def joiners(site: Site, plan: Plan, empty: Joiners) -> list[Joiners]:
    """One round of the clients that join slowly."""
    possible = WORKERS * 1000 / JOINERS_MS

    def measure(address: Address) -> Iterator[Joiners]:
        with Connections(address) as connections:
            connections.join(JOINERS)
            per_second = loops.closed_loop(connections, JOINERS_MS, min(plan.seconds, JOINERS_SECONDS))
        yield replace(empty, per_second=per_second, share=per_second / possible)

    return attempt(site, plan, [empty], measure)


def balances(site: Site, plan: Plan, number: int) -> list[Balance]:
    """One round of all ways of joining, on one server. A proxy has connections of its own to the workers."""
    if site.front:
        return []
    places = [Balance(site.name, count, way, number) for count in plan.connections for way in WAYS]

    def measure(address: Address) -> Iterator[Balance]:
        for empty in places:
            with Connections(address) as connections:
                fullest = loops.balance(connections, empty.connections, *WAYS[empty.way])
            yield replace(empty, fullest=fullest)

    return attempt(site, plan, places, measure)


# ---- all ----


def progress(found: Sequence[Latency | Joiners | Balance], shown: str) -> None:
    """A line on the terminal."""
    for one in found:
        detail = shown if one.status == OK else f"{one.status} ({one.reason.splitlines()[0][:100]})"
        print(f"round {one.round} {one.site:22} {detail}", file=sys.stderr, flush=True)


def run_latencies(plan: Plan, number: int) -> Iterator[Latency]:
    """One round of the open loop: each load, number of connections and site."""
    for load in plan.loads:
        yield ideal_latency(plan, load, number)
        for count, site in itertools.product(plan.connections, plan.latency_sites):
            for one in latency(site, plan, Latency(site.name, count, load, number)):
                fast = " ".join(f"{value:.1f}" for value in one.fast)
                progress([one], f"{count} connections, {load} %: fast {fast} ms")
                yield one


def run_joiners(plan: Plan, number: int) -> Iterator[Joiners]:
    """One round of slow joiners."""
    for site in plan.sites:
        for one in joiners(site, plan, Joiners(site.name, number)):
            progress([one], f"slow joiners: {one.per_second:.0f}/s, {one.share:.2f}")
            yield one


def run_balances(plan: Plan, number: int) -> Iterator[Balance]:
    """One round of balance."""
    for site in plan.sites:
        for one in balances(site, plan, number):
            progress([one], f"{one.connections} connections, {one.way}: {one.fullest:.2f}")
            yield one


def execute(plan: Plan) -> Outcomes:
    """All rounds."""
    found = Outcomes()
    for number in range(1, plan.rounds + 1):
        if "latency" in plan.parts:
            found.latencies += run_latencies(plan, number)
        if "joiners" in plan.parts:
            found.joiners += run_joiners(plan, number)
        if "balance" in plan.parts:
            found.balances += run_balances(plan, number)
    return found
