"""Nothing is left behind by requests of any kind, good or bad: not a descriptor, not a byte that adds up.

RHEBOK_SOAK_REQUESTS=N plays N of them instead of a few thousand: `make soak-requests` a million.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cases
import pytest
import servers
import soak
from integration.processes import descriptors, memory
from integration.waiting import until

SHORT = 3000
REQUESTS = int(os.environ.get("RHEBOK_SOAK_REQUESTS", str(SHORT)))
ROUNDS = 5  # in which they are played, after one to warm up

# Of the worker, after the warm-up. The long form is to see a byte a request; in the short one a few pages of
# the interpreter are more than that.
GROWTH = max(REQUESTS, 500_000)


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[list[str]]:
    """One server on both transports."""
    rhebok, unix = servers.SERVERS["rhebok"], f"unix:{tmp_path}/socket"
    both = replace(rhebok, command=lambda address: [*rhebok.command(address), "-b", unix])
    with servers.running(both, "tcp") as address:
        yield [address, unix]


@pytest.mark.timeout(3600)
def test_requests_of_every_kind_leave_nothing_behind(addresses: list[str]) -> None:
    worker = servers.worker_pid(addresses[0])
    player = soak.Player(addresses, cases.load(), seed=1)
    player.play(max(2000, REQUESTS // 10))
    files, before, kept = descriptors(worker), memory(worker), []
    for _ in range(ROUNDS):
        player.play(REQUESTS // ROUNDS)
        kept.append(memory(worker))
    print(f"{player.played} played, {player.answers}; PSS {before}, then {kept}; {files} descriptors")
    assert servers.worker_pid(addresses[0]) == worker
    assert set(player.answers) >= {"2", "4", "5", "none"}
    assert kept[-1] - before < GROWTH, [before, *kept]
    until(lambda: descriptors(worker) <= files, lambda: f"{files}, now {descriptors(worker)}")
