"""`python -m bench queue`: the ideal queue, the percentiles, the client's loops and the report."""

from __future__ import annotations

import math
import random
import re
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.cells import FAILED, MISSING
from bench.commands import Launch
from bench.one_queue import ideal, loops, outcomes, tables
from bench.one_queue.arrivals import FAST_MS, SLOW_MS, Arrivals, poisson, rate
from bench.one_queue.connections import Connections, body_of
from bench.one_queue.outcomes import IDEAL, Balance, Joiners, Latency, Outcomes, with_latencies
from bench.one_queue.percentiles import NINES, curve, nines_of, percent_of, percentile
from bench.one_queue.sites import BY_NAME, SLEEPING
from bench.process import Address, ServerFailedError

# --- the ideal queue ---


@pytest.mark.parametrize(
    ("due", "service", "servers", "expected"),
    [
        ([], [], 1, []),
        ([5], [3], 1, [3]),
        ([0, 1], [10, 1], 2, [10, 1]),
        ([0, 1, 2], [10, 10, 1], 2, [10, 10, 9]),  # the third waits for the first
        ([0, 1, 2, 3], [10, 1, 1, 1], 2, [10, 1, 1, 1]),  # the slow one holds one server only
        ([0, 0, 0], [2, 2, 2], 1, [2, 4, 6]),  # first in, first out
        ([0, 0, 0], [2, 2, 2], 3, [2, 2, 2]),
        ([0, 100], [10, 1], 1, [10, 1]),  # free again
    ],
)
def test_the_ideal_queue_gives_a_request_to_the_first_server_that_is_free(
    due: list[float], service: list[float], servers: int, expected: list[float]
) -> None:
    assert ideal.latencies(due, service, servers) == expected


def long_run(load: float, service: Sequence[float], servers: int) -> float:
    """The mean wait, in mean services of 1, of arrivals without memory."""
    dice, at, due = random.Random(3), 0.0, []
    for _ in service:
        at += dice.expovariate(load * servers)
        due.append(at)
    found = ideal.latencies(due, service, servers)
    return statistics.fmean(took - takes for took, takes in zip(found, service, strict=True))


@pytest.mark.parametrize("load", [0.4, 0.7])
def test_one_server_with_equal_services_waits_as_pollaczek_and_khinchine_say(load: float) -> None:
    assert long_run(load, [1.0] * 200_000, 1) == pytest.approx(load / (2 * (1 - load)), rel=0.03)


@pytest.mark.parametrize("load", [0.4, 0.7])
def test_four_servers_with_exponential_services_wait_as_erlang_says(load: float) -> None:
    dice, servers = random.Random(4), 4
    offered = load * servers
    busy = offered**servers / math.factorial(servers) / (1 - load)
    share_that_waits = busy / (sum(offered**k / math.factorial(k) for k in range(servers)) + busy)
    service = [dice.expovariate(1) for _ in range(200_000)]
    expected = share_that_waits / (servers * (1 - load))
    assert long_run(load, service, servers) == pytest.approx(expected, rel=0.05)


# --- arrivals ---


def test_arrivals_are_the_same_for_a_seed_and_others_for_another() -> None:
    assert poisson(1, 0.4, 3) == poisson(1, 0.4, 3) != poisson(2, 0.4, 3)


def test_arrivals_offer_the_load_and_one_in_a_hundred_is_slow() -> None:
    found = poisson(1, 0.4, 100)
    assert len(found.due) / 100 == pytest.approx(rate(0.4), rel=0.03)
    assert Counter(found.sleep_ms)[SLOW_MS] == round(len(found.due) / 100)
    assert sum(found.sleep_ms) / 1000 / 4 / 100 == pytest.approx(0.4, rel=0.03)
    assert found.due == sorted(found.due)


# --- percentiles ---


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        (1, 50, 1),
        (2, 50, 1),
        (3, 50, 2),
        (100, 99, 99),
        (100, 99.9, 100),
        (1000, 99.9, 999),
        (1001, 99.9, 1000),
    ],
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(
    count: int, percent: float, expected: float
) -> None:
    assert percentile(range(1, count + 1), percent) == expected


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 99) == 0.0


@pytest.mark.parametrize(("nines", "percent"), [(1, 90), (2, 99), (3, 99.9)])
def test_the_axis_of_a_curve_counts_nines(nines: float, percent: float) -> None:
    assert percent_of(nines) == pytest.approx(percent)
    assert nines_of(percent) == pytest.approx(nines)
    assert curve(range(1, 1001))[NINES.index(nines)] == percent * 10


# --- connections ---


@pytest.mark.parametrize("separator", ["Content-Length: ", "content-length:"])
def test_a_response_is_whole_with_the_last_byte_of_its_body(separator: str) -> None:
    whole = f"HTTP/1.1 200 OK\r\nA: b\r\n{separator}3\r\n\r\n123".encode()
    assert [body_of(whole[:size]) for size in range(len(whole))] == [None] * len(whole)
    assert body_of(whole) == b"123"


@pytest.mark.parametrize(
    "received", [b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]
)
def test_another_status_or_a_response_without_a_length_is_a_fault(received: bytes) -> None:
    with pytest.raises(ServerFailedError, match="not the response"):
        body_of(received)


class Sleeper:
    """A server with a thread for each connection, whose number it answers as its pid."""

    def __init__(self, requests_each: int = 1000) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._requests_each = requests_each
        self.address: Address = self._listener.getsockname()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if len(self._threads) == 0:
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection, len(self._threads))))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            for _ in range(self._requests_each):
                asked = re.match(rb"GET /sleep/(\d+) ", connection.recv(1000))
                if asked is None:
                    return
                time.sleep(int(asked[1]) / 1000)  # the service that is measured
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    def close(self) -> None:
        threads, self._threads = self._threads, []
        socket.create_connection(self._listener.getsockname()).close()
        for thread in threads:
            thread.join()
        self._listener.close()


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    server = Sleeper()
    yield server
    server.close()


def test_requests_that_find_no_free_connection_are_late_from_when_they_were_due(sleeper: Sleeper) -> None:
    with Connections(sleeper.address) as connections:
        connections.join(1, pause=0)
        outcome = loops.open_loop(connections, Arrivals([0.0, 0.01, 0.02], [50, 50, 50]), seed=1)
    assert outcome.waited == 2
    first, second, third = outcome.seconds
    assert first >= 0.05
    assert second >= 0.09
    assert third >= 0.13


def test_requests_that_find_a_free_connection_do_not_wait_for_each_other(sleeper: Sleeper) -> None:
    with Connections(sleeper.address) as connections:
        connections.join(3, pause=0)
        outcome = loops.open_loop(connections, Arrivals([0.0, 0.01, 0.02], [2000, 1, 1]), seed=1)
    assert outcome.waited == 0
    assert outcome.seconds[0] >= 2
    assert max(outcome.seconds[1:]) < 1


def test_a_closed_loop_counts_the_responses_of_all_connections(sleeper: Sleeper) -> None:
    with Connections(sleeper.address) as connections:
        connections.join(3, pause=0)
        per_second = loops.closed_loop(connections, 50, 0.3)
    assert 0 < per_second <= 3 * 20


def test_a_kept_connection_that_the_server_ends_spoils_the_run() -> None:
    server = Sleeper(requests_each=1)
    try:
        with Connections(server.address) as connections:
            connections.join(1, pause=0)
            with pytest.raises(ServerFailedError, match="kept connection"):
                loops.open_loop(connections, Arrivals([0.0], [1]), seed=1)
    finally:
        server.close()


@pytest.mark.parametrize("slowly", [True, False])
@pytest.mark.parametrize("asking", [True, False])
def test_balance_counts_the_connections_of_each_pid(sleeper: Sleeper, slowly: bool, asking: bool) -> None:
    with Connections(sleeper.address) as connections:
        assert loops.balance(connections, 4, slowly, asking) == 1.0


@pytest.mark.parametrize(
    ("owners", "expected"),
    [({1: 4, 2: 4, 3: 4, 4: 4}, 1.0), ({1: 16}, 4.0), ({1: 7, 2: 3, 3: 3, 4: 3}, 1.75), ({1: 8, 2: 8}, 2.0)],
)
def test_the_fullest_worker_is_compared_with_the_mean_of_all_four(
    owners: dict[int, int], expected: float
) -> None:
    assert loops.fullest_over_mean(Counter(owners)) == expected


# --- sites ---


@pytest.mark.parametrize(("name", "kept"), [("nginx-keepalive", True), ("nginx", False)])
def test_nginx_keeps_connections_to_the_server_or_does_not(tmp_path: Path, name: str, kept: bool) -> None:
    front = BY_NAME[name].front
    assert front is not None
    front(("127.0.0.1", 81)).command(Launch(("127.0.0.1", 80), SLEEPING, True, tmp_path))
    text = (tmp_path / "proxy.conf").read_text()
    assert "server 127.0.0.1:81;" in text
    assert ("keepalive 16;" in text, "proxy_http_version 1.1;" in text) == (kept, kept)


def test_every_server_has_four_workers_of_one_thread(tmp_path: Path) -> None:
    launch = Launch(("127.0.0.1", 80), SLEEPING, True, tmp_path, workers=4)
    threads = {
        "gunicorn-gthread": "--threads 1",
        "granian": "--blocking-threads 1",
        "peregrine": "--wsgi-threads 1",
    }
    for name, flag in threads.items():
        command = " ".join(BY_NAME[f"{name}-tcp"].row.command(launch))
        assert flag in command
        assert re.search(r"(-w|--workers) 4\b", command)


# --- the report ---


def latency(site: str, p99: float, number: int, status: str = "ok") -> Latency:
    connections = 0 if site == IDEAL else 16
    values = [1.0, 2.0, p99, 777.0]
    reason = "" if status == "ok" else "why"
    return Latency(site, connections, 40, number, status, reason, 100, 0, values, values, [1.0] * len(NINES))


def test_percentiles_are_of_the_fast_requests_and_of_all_in_milliseconds() -> None:
    arrivals = Arrivals([0.0, 1.0, 2.0], [FAST_MS, SLOW_MS, FAST_MS])
    found = with_latencies(Latency("a", 16, 40, 1), arrivals, [0.001, 0.5, 0.002], 1)
    assert (found.fast[-1], found.every[-1], found.requests, found.waited) == (2.0, 500.0, 3, 1)


def test_the_limit_is_that_of_the_same_round() -> None:
    ideals = [latency(IDEAL, 10, 1), latency(IDEAL, 100, 2), latency(IDEAL, 1000, 3)]
    rounds = [latency("a", 34, 1), latency("a", 250, 2), latency("a", 1205, 3)]
    assert outcomes.times_the_limit(rounds, ideals, 99.0) == 2.0


def test_the_tables_show_medians_beside_the_ideal_queue() -> None:
    rounds = [latency("a", value, number) for number, value in enumerate([5.0, 900.0, 17.0], 1)]
    text = tables.render(Outcomes([latency(IDEAL, 10, number) for number in (1, 2, 3)] + rounds))
    assert "16 connections, 40 % load" in text
    assert "| ideal | 1.0 | 2.0 | 10.0 | 777 | - | - |" in text
    assert "| a | 1.0 | 2.0 | 17.0 | 777 | 1.00 |" in text


def test_a_failed_round_leaves_no_figure_and_says_why() -> None:
    found = Outcomes(
        [latency(IDEAL, 10, 1), latency("a", 33, 1), latency("a", 0, 2, FAILED)],
        [Joiners("a", 1, share=0.33), Joiners("a", 2, FAILED, "why")],
        [Balance("a", 16, "slowly", 1, fullest=3.3), Balance("a", 16, "slowly", 2, MISSING, "not installed")],
    )
    text = tables.render(found)
    assert "33" not in text
    assert "3.3" not in text
    assert "- a: MISSING: not installed" in text
    assert "FAILED: why" in text
    assert tables.failed(found)


def test_the_results_file_gives_the_same_report() -> None:
    found = Outcomes(
        [latency(IDEAL, 10, 1), latency("a", 17, 1)],
        [Joiners("a", 1, per_second=760.0, share=0.95)],
        [
            Balance("a", 16, "at once", number, fullest=fullest)
            for number, fullest in ((1, 1.0), (2, 1.5), (3, 4.0))
        ],
    )
    text = tables.render(found)
    assert "| a | 760 | 0.95 | 0.95 to 0.95 |" in text
    assert "| a | 1.50 (4.00) |" in text
    assert tables.render(outcomes.from_json(outcomes.to_json(found))) == text
