"""Requests that wait for a busy worker are not lost by stops, deploys, limits, and numbers."""

import os
import resource
import select
import threading
from collections.abc import Callable
from signal import SIGHUP, SIGKILL, SIGTERM

import pytest

from integration.conftest import MakeCrew
from integration.crew import Crew, answer, ask, finish, stays_silent
from integration.http_client import Client, head
from integration.processes import cpu_ticks, files
from integration.waiting import until

pytestmark = pytest.mark.needs("ss")

TCP, UNIX = "127.0.0.1:0", "unix:app.sock"
ADDRESSES = pytest.mark.parametrize("bind", [TCP, UNIX], ids=["tcp", "unix"])
THREADS = pytest.mark.parametrize("threads", [1, 3])


def wait_on(team: Crew, clients: list[Client], silent: bool = True) -> None:
    """Each sends a request that has to wait; nobody can answer it if silent. Meanwhile no worker spins."""
    for number, client in enumerate(clients):
        client.send(head("GET", f"/?{number}"))
    before = sum(map(cpu_ticks, team.server.workers()))
    select.select([clients[-1].socket] if silent else [], [], [], 0.3)
    assert not silent or stays_silent(clients[-1])
    assert sum(map(cpu_ticks, team.server.workers())) - before < 15


def assert_answered(clients: list[Client]) -> set[int]:
    """By whom."""
    answers = [answer(client) for client in clients]
    assert [found["query"] for found in answers] == [str(number) for number in range(len(clients))]
    return {found["pid"] for found in answers}


# --- Stops and deploys


@ADDRESSES
@THREADS
def test_what_waits_when_the_server_is_told_to_stop_is_answered(
    crew: MakeCrew, bind: str, threads: int
) -> None:
    team = crew(bind=bind, threads=threads)
    kept = team.kept(12)
    held = team.hold_all()
    wait_on(team, kept)
    team.server.send(SIGTERM)
    team.server.wait_for("stopping gracefully")
    for one in held:
        one.release()
    for number, client in enumerate(kept):
        response = client.response()
        assert response.json()["query"] == str(number)
        # One of several threads may answer before the main thread has heard of the stop.
        assert response.says_close or threads > 1
        assert client.at_end()
    assert team.server.wait() == 0


@ADDRESSES
def test_what_waits_at_a_deploy_is_answered(crew: MakeCrew, bind: str) -> None:
    team = crew("--kill-old-delay", "0", bind=bind)
    kept = team.kept(12)
    held = team.hold_all()
    before = team.server.workers()
    wait_on(team, kept)
    team.server.send(SIGHUP)
    team.server.wait_for(r"generation 2 \(pid \d+\) serves")
    team.server.wait_for("stopping gracefully")
    for one in held:
        one.release()
    assert_answered(kept)
    team.server.wait_for_workers(3, without=before)


@ADDRESSES
def test_what_waits_for_a_worker_that_is_told_to_stop_is_answered(crew: MakeCrew, bind: str) -> None:
    """As by TTOU: the others are idle, and it is held until the end."""
    team = crew(bind=bind)
    kept = team.kept(12)
    with team.held(team.owner(kept[0])) as busy:
        stuck = team.those_of(busy, kept)
        os.kill(busy, SIGTERM)
        for client in stuck:
            assert ask(client)["pid"] != busy


@ADDRESSES
def test_what_waited_longer_than_a_worker_lived_is_answered(crew: MakeCrew, bind: str) -> None:
    """Of the killed worker only the request is lost that its application had."""
    team = crew(bind=bind, workers=2)
    kept = team.kept(8)
    victim, other = team.hold_all()
    wait_on(team, kept)
    os.kill(victim.worker, SIGKILL)
    assert victim.client.at_end()
    assert_answered(kept)  # by the successor
    other.release()


# --- A load of requests that take their time


class Load:
    """Kept-alive clients whose requests take 1 to 25 ms, and who know their answers."""

    def __init__(self, team: Crew, clients: int = 12, requests: int = 30) -> None:
        self.answers: list[str] = []  # their queries; a number that several threads add to would need a lock
        self.failures: list[BaseException] = []
        self._team, self._requests = team, requests
        numbers = range(clients)
        self._threads = [threading.Thread(target=self._guarded, args=(number,)) for number in numbers]

    def run(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        for thread in self._threads:
            thread.start()
        meanwhile()
        for thread in self._threads:
            thread.join()
        assert not self.failures, self.failures
        assert len(self.answers) == len(self._threads) * self._requests

    def _guarded(self, number: int) -> None:
        try:
            self._ask(number)
        except BaseException as error:
            self.failures.append(error)

    def _ask(self, number: int) -> None:
        client = self._team.server.client()
        for turn in range(self._requests):
            query = f"{(1 + (number + turn) * 7 % 25) / 1000}&{number}-{turn}"
            response = client.get(f"/nap?{query}")
            assert (response.status, response.json()["query"]) == (200, query)
            self.answers.append(query)
            if response.says_close:
                client.close()
                client = self._team.server.client()
        client.close()


@ADDRESSES
@THREADS
def test_no_request_is_lost_when_workers_reach_max_requests(crew: MakeCrew, bind: str, threads: int) -> None:
    team = crew("--max-requests", "20", "--max-requests-jitter", "10", bind=bind, threads=threads)
    Load(team).run()
    assert team.server.matches(r"worker \d+ exited with status 0")


@ADDRESSES
@THREADS
def test_no_request_is_lost_by_deploys(crew: MakeCrew, bind: str, threads: int) -> None:
    team = crew("--kill-old-delay", "0", bind=bind, threads=threads)

    def deploy() -> None:
        for _ in range(3):
            before = team.server.wait_for_workers(3)
            team.server.send(SIGHUP)
            team.server.wait_for_workers(3, without=before)

    Load(team, requests=60).run(deploy)


@ADDRESSES
def test_no_request_is_lost_when_workers_come_and_go(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)

    def change() -> None:
        for worker in team.server.workers():
            count = len(team.server.workers())
            os.kill(worker, SIGTERM)
            team.server.wait_for_workers(count, without=[worker])

    Load(team, requests=60).run(change)


# --- Limits


@ADDRESSES
def test_with_max_connections_at_the_others_requests_wait_for_room(crew: MakeCrew, bind: str) -> None:
    """The other worker has as many as it may, none of them idle."""
    most = 10
    team = crew("--max-connections", str(most), bind=bind, workers=2)
    kept = team.kept(most)
    first, others = team.first_of_many(kept)
    held = team.hold(first)
    stuck = team.those_of(held.worker, others)
    filling = [client for client in others if client not in stuck]
    filling += team.clients(most - len(filling))
    for client in filling:
        client.send(b"GET /?half HTTP/1.1\r\n")
    until(lambda: all(owner not in (0, held.worker) for owner in team.owners(filling)))
    for number, client in enumerate(stuck):
        client.send(head("GET", f"/?{number}"))
    for client in filling:
        client.send(b"Host: test\r\nConnection: close\r\n\r\n")
        assert client.response().json()["query"] == "half"
        assert client.at_end()
    assert held.worker not in assert_answered(stuck)
    held.release()


@ADDRESSES
def test_full_workers_lose_nothing_when_they_become_free(crew: MakeCrew, bind: str) -> None:
    team = crew("--max-connections", "8", bind=bind, workers=2)
    kept = team.kept(8)
    until(lambda: len(set(team.owners(kept))) == 2)
    first = team.hold(kept[0])
    (elsewhere, *_) = [client for client in kept if team.owner(client) != first.worker]
    second = team.hold(elsewhere)
    waiting = [client for client in kept if client not in (first.client, second.client)] + team.clients(8)
    wait_on(team, waiting)
    for one in (first, second):
        finish(one)
    assert_answered(waiting)


def lowest_free_descriptor(pid: int) -> int:
    """The same in three looks: a worker frees numbers for a moment while it takes connections of others."""
    looks: list[int] = []

    def is_settled() -> bool:
        used = {int(file.name) for file in files(pid)}
        looks.append(min(set(range(len(used) + 1)) - used))
        return len(looks) >= 3 and len(set(looks[-3:])) == 1

    until(is_settled, lambda: looks)
    return looks[-1]


def limit_descriptors(pid: int, count: int) -> int:
    """The limit before."""
    before, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))
    return before


@ADDRESSES
def test_a_worker_without_descriptors_loses_nothing_and_takes_it_later(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind, workers=2)
    kept = team.kept(8)
    with team.held(team.owner(kept[0])) as busy:
        stuck = team.those_of(busy, kept)
        (other,) = [pid for pid in team.server.workers() if pid != busy]
        before = limit_descriptors(other, lowest_free_descriptor(other))
        wait_on(team, stuck, silent=False)
        limit_descriptors(other, before)
        assert assert_answered(stuck) == {other}


@ADDRESSES
def test_where_nobody_has_descriptors_the_busy_worker_answers_itself(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind, workers=2)
    kept = team.kept(8)
    first, others = team.first_of_many(kept)
    held = team.hold(first)
    stuck = team.those_of(held.worker, others)
    (other,) = [pid for pid in team.server.workers() if pid != held.worker]
    before = limit_descriptors(other, lowest_free_descriptor(other))
    wait_on(team, stuck, silent=False)
    held.release()
    assert_answered(stuck)
    limit_descriptors(other, before)


# --- Numbers


@ADDRESSES
@THREADS
def test_hundreds_that_wait_are_answered_when_all_become_free(
    crew: MakeCrew, bind: str, threads: int
) -> None:
    team = crew(bind=bind, threads=threads, workers=2)
    kept = team.kept(400)
    held = team.hold_all()
    wait_on(team, kept)
    for one in held:
        one.release()
    assert_answered(kept)


@ADDRESSES
def test_hundreds_that_wait_are_answered_by_the_only_one_that_becomes_free(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind, workers=2)
    kept = [*team.kept(300), *team.clients(100)]
    free, busy = team.hold_all()
    wait_on(team, kept)
    free.release()
    assert assert_answered(kept) == {free.worker}
    busy.release()
