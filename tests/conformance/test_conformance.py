"""Every case against the server: over TCP and a unix socket, with one thread and with several; whole,
byte by byte, behind a good request in the same write, and behind one that was answered before. One server of
each kind lives through all of them. A test is a case as written, with all that its `each` makes of it.

CONFORMANCE_SERVER names another server of servers.py, for curiosity; compare.py makes a table of that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import cases
import pytest
import servers
import wire
from verdict import problems

PATIENCE_SECONDS = 10.0
CONNECTIONS = 8

WRITTEN = [list(group) for _, group in groupby(cases.load(), key=lambda case: (case.file, case.source))]


OTHER = os.environ.get("CONFORMANCE_SERVER")
KINDS = (
    [(OTHER, "tcp"), (OTHER, "unix")]
    if OTHER
    else [("rhebok", "tcp"), ("rhebok", "unix"), ("rhebok-threads", "tcp")]
)


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    name, transport = request.param
    with servers.running(servers.SERVERS[name], transport) as address:
        yield address


@pytest.fixture(scope="module")
def first_worker(address: str) -> int:
    return servers.worker_pid(address)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        yield pool


def found(case: cases.Case, address: str, mode: str) -> list[str]:
    exchange = wire.run(case, address, mode, PATIENCE_SECONDS)
    return [f"{case.name}, {mode}: {problem}" for problem in problems(case, exchange)]


@pytest.mark.usefixtures("first_worker")
@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: f"{written[0].file}: {written[0].source}")
def test_case(written: list[cases.Case], address: str, pool: ThreadPoolExecutor) -> None:
    runs = [pool.submit(found, case, address, mode) for case in written for mode in wire.MODES]
    lines = [problem for run in runs for problem in run.result()]
    assert not lines, f"{written[0].rfc}, {written[0].raw[:200]!r}:\n" + "\n".join(lines)


def test_one_worker_lived_through_all_of_them(address: str, first_worker: int) -> None:
    assert servers.worker_pid(address) == first_worker
