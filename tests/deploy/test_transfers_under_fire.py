"""Workers are killed and generations replaced while requests travel between workers all the time.

How losses are accounted: the victim is stopped, what it has open is written down, then it is killed. A client
may lose a request only on a connection that was among it. Whoever lost one on another connection lost it in a
transfer, which is a fault; so is every answer that is not the one to the request, and every silence.
"""

import os
import random
import select
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGSTOP

import pytest
from integration.gate import Gate
from integration.http_client import Client, Response
from integration.owners import name, server_ends, sockets_of
from integration.processes import state
from integration.waiting import until

from deploy.clients import CheckingClients
from deploy.site import MODULE, Site
from deploy.supervisors import Supervised, start

pytestmark = [pytest.mark.slow, pytest.mark.needs("ss")]

WORKERS = 4
CLOSE, KEPT = 2, 24
# 3 to 27 ms with the application: most requests find their worker busy, and some travel.
NAP = 'time.sleep((3 + sum(environ["QUERY_STRING"].encode()) % 25) / 1000)'
CUT = ("not a line:", "the connection ended")  # what http_client says of an answer that is not whole


GATE = """    if path.startswith("/gate-"):
        with open({directory!r} + path, "rb") as gate:
            gate.read()
"""


def slow_down(site: Site) -> None:
    """The site's requests take their time; /gate-N waits until the test opens that gate."""
    source = site.directory / f"{MODULE}.py"
    text = source.read_text()
    where = '    token = environ["QUERY_STRING"].encode()\n'
    gates = GATE.format(directory=str(site.directory))
    source.write_text(text.replace(where, f'    if path == "/":\n        {NAP}\n{gates}{where}'))


@dataclass(frozen=True)
class Lost:
    connection: int
    error: Exception


class Witnesses(CheckingClients):
    """Clients that say which connection a request was lost on, and keep wrong answers apart."""

    def __init__(self, running: Supervised, *, kept: int = KEPT) -> None:
        self.lost: list[Lost] = []
        self.wrong: list[Exception] = []
        self.moves = 0  # answers of another worker than the one before, on the same connection
        self._answered_by: dict[int, bytes] = {}
        super().__init__(running.address, close=CLOSE, kept=kept, may_fail=True)

    def _ask(self, client: Client, kind: str, **fields: str) -> Response:
        connection = name(client)
        try:
            response = super()._ask(client, kind, **fields)
            worker = response.body.split(b" ", 2)[1]
            if kind == "kept":
                self.moves += self._answered_by.setdefault(connection, worker) != worker
                self._answered_by[connection] = worker
            return response
        except ConnectionError as error:
            self.lost.append(Lost(connection, error))
            raise
        except Exception as error:
            if str(error).startswith(CUT):
                self.lost.append(Lost(connection, error))
            else:
                self.wrong.append(error)
            raise


def kill(running: Supervised, victim: int) -> set[int]:
    """The connections that it had, by the client's name."""
    os.kill(victim, SIGSTOP)
    until(lambda: state(victim) in ("T", "Z"))
    ends = {inode: client for client, inode in server_ends(running.address).items()}
    had = {ends[inode] for inode in sockets_of(victim) if inode in ends}
    os.kill(victim, SIGKILL)
    return had


@pytest.mark.parametrize("threads", ["1", "3"])
def test_of_killed_workers_only_their_own_connections_are_lost(
    site: Site, bind: str, threads: str, deploys: int
) -> None:
    slow_down(site)
    options = ("--workers", str(WORKERS), "--threads", threads, "--err-respawn-interval", "0")
    running = start("rhebok", site, bind, *options)
    kills, had = 8 * deploys, set[int]()
    chosen = random.Random(15)
    try:
        with Witnesses(running) as load:
            for _ in range(kills):
                load.wait_for_answers(160)
                victim = chosen.choice(running.wait_for_workers(WORKERS, without=[]))
                had |= kill(running, victim)
                running.wait_for_workers(WORKERS, without=[victim])
            load.wait_for_answers(80)
        assert not load.wrong
        assert [lost for lost in load.lost if lost.connection not in had] == []
        assert load.moves > load.total / 20, "next to nothing has travelled"
        served = running.log.count("was killed by SIGKILL, serving")
        print(f"{kills} kills, {served} in mid-request: {len(load.lost)} lost, {load.total} answered")
        print(f"{load.moves} times by another worker than the last time")
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_kills_in_a_row_do_not_stop_the_traffic(site: Site, bind: str, deploys: int) -> None:
    """The next is killed as soon as the one before is gone, whether or not its successor is ready."""
    slow_down(site)
    running = start("rhebok", site, bind, "--workers", str(WORKERS), "--err-respawn-interval", "0")
    had = set[int]()
    try:
        with Witnesses(running) as load:
            for _ in range(5 * deploys):
                load.wait_for_answers(20)
                for victim in running.wait_for_workers(WORKERS, without=[])[: WORKERS // 2]:
                    had |= kill(running, victim)
            load.wait_for_answers(100)
        assert not load.wrong
        assert [lost for lost in load.lost if lost.connection not in had] == []
        running.judge()
    finally:
        running.end()
        print(running.log)


class Held:
    """So many workers stand at gates, until told to go on."""

    def __init__(self, running: Supervised, directory: Path, count: int) -> None:
        self.clients = [Client(running.address) for _ in range(count)]
        self.gates = [Gate(directory, f"gate-{number}") for number in range(count)]
        for number, (client, gate) in enumerate(zip(self.clients, self.gates, strict=True)):
            client.send(b"GET /gate-%d?t HTTP/1.1\r\nHost: test\r\n\r\n" % number)
            gate.wait_for_arrival()

    def release(self) -> None:
        for client, gate in zip(self.clients, self.gates, strict=True):
            gate.open()
            gate.path.unlink()
            assert client.response().status == 200
            client.close()


def test_deploys_with_half_of_the_workers_busy_lose_nothing(site: Site, bind: str, deploys: int) -> None:
    slow_down(site)
    options = ("--workers", str(WORKERS), "--kill-old-delay", "0")
    running = start("rhebok", site, bind, *options)
    try:
        with CheckingClients(running.address, close=CLOSE, kept=KEPT) as load:
            for _ in range(2 * deploys):
                held = Held(running, site.directory, WORKERS // 2)
                load.wait_for_more(100)  # the other half answers all
                version = site.release()
                slow_down(site)
                running.deploy()
                load.wait_for(version, 30)
                held.release()
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_requests_that_wait_outlive_the_worker_that_they_came_to(site: Site, bind: str) -> None:
    """All are busy for long. One is killed: only what its application had is lost."""
    slow_down(site)
    running = start("rhebok", site, bind, "--workers", "2", "--err-respawn-interval", "0")
    try:
        kept = [Client(running.address) for _ in range(12)]
        for client in kept:
            assert client.get("/?t").status == 200
        held = Held(running, site.directory, 2)
        end = server_ends(running.address)[name(held.clients[0])]
        (victim,) = [pid for pid in running.workers() if end in sockets_of(pid)]
        for number, client in enumerate(kept):
            client.send(b"GET /?t%d HTTP/1.1\r\nHost: test\r\n\r\n" % number)
        # Longer than a worker may keep what it cannot serve.
        assert not select.select([client.socket for client in kept], [], [], 0.5)[0]
        os.kill(victim, SIGKILL)
        assert held.clients[0].at_end()
        for number, client in enumerate(kept):  # its successor answers
            assert client.response().fields["x-token"] == f"t{number}"
        held.gates[1].open()
        assert held.clients[1].response().status == 200
        running.judge()
    finally:
        running.end()
        print(running.log)
