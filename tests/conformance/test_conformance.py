"""Every case against the server: over TCP and a unix socket; whole, byte by byte, behind a good request in the same
write, and behind one that was answered before. One server a transport lives through all of them.

CONFORMANCE_SERVER names another server of servers.py, for curiosity; compare.py makes a table of that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cases
import pytest
import servers
import wire
from verdict import problems

PATIENCE_SECONDS = 5.0

CASES = cases.load()


@pytest.fixture(scope="module", params=servers.TRANSPORTS)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    server = servers.SERVERS[os.environ.get("CONFORMANCE_SERVER", "rhebok")]
    with servers.running(server, request.param) as address:
        yield address


@pytest.fixture(scope="module")
def first_worker(address: str) -> int:
    return servers.worker_pid(address)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(len(wire.MODES)) as pool:
        yield pool


@pytest.mark.usefixtures("first_worker")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: cases.Case, address: str, pool: ThreadPoolExecutor) -> None:
    runs = {mode: pool.submit(wire.run, case, address, mode, PATIENCE_SECONDS) for mode in wire.MODES}
    found = [f"{mode}: {problem}" for mode, run in runs.items() for problem in problems(case, run.result())]
    assert not found, f"{case.id} ({case.rfc}) of {case.raw[:300]!r}:\n  " + "\n  ".join(found)


def test_one_worker_lived_through_all_of_them(address: str, first_worker: int) -> None:
    assert servers.worker_pid(address) == first_worker
