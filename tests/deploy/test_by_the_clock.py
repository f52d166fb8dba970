"""What takes its time, in the long runs alone: slow requests across deploys, a minute of kills."""

import os
import random
import threading
import time
from signal import SIGKILL

import pytest
from integration.http_client import Address, Client

from deploy.clients import CheckingClients
from deploy.site import Site
from deploy.supervisors import WAYS, WORKERS, start
from deploy.test_deploys import deploy_again_and_again
from deploy.totals import Totals

REQUEST_SECONDS, DOWNLOAD_SECONDS, KILLING_SECONDS = 5.0, 10.0, 60.0
CHUNKS, CHUNK = 256, 65536  # of /download
ROUNDS = 3


class SlowClients:
    """Two requests that take 5 s and three downloads that take 10 s, at once."""

    def __init__(self, address: Address) -> None:
        self.failures: list[Exception] = []
        self.versions: list[int] = []  # that answered the requests
        self._address = address
        targets = [self._ask] * 2 + [self._download] * 3
        self._threads = [threading.Thread(target=self._guarded, args=(target,)) for target in targets]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _guarded(self, target: "type[None]") -> None:
        try:
            target()
        except Exception as error:
            self.failures.append(error)

    def _ask(self) -> None:
        with Client(self._address) as client:
            response = client.get(f"/slow?{REQUEST_SECONDS:g}")
            assert response.status == 200, response
            self.versions.append(int(response.body.split()[0]))

    def _download(self) -> None:
        begun = time.monotonic()
        with Client(self._address, receive_buffer=4096) as client:
            client.send(b"GET /download HTTP/1.1\r\nHost: test\r\n\r\n")
            assert client.response_head()[0] == 200
            for number in range(CHUNKS):
                assert client.chunk() == bytes([number % 256]) * CHUNK
                due = begun + (number + 1) * DOWNLOAD_SECONDS / CHUNKS
                time.sleep(max(0.0, due - time.monotonic()))
            assert client.chunk() == b""


@pytest.mark.parametrize("way", WAYS)
def test_slow_requests_and_downloads_are_finished_across_deploys(
    way: str, site: Site, bind: str, totals: Totals
) -> None:
    running = start(way, site, bind, "--workers", "4")
    deploys = answers = 0
    try:
        for _ in range(ROUNDS):
            slow = SlowClients(running.address)
            with CheckingClients(running.address, close=1, kept=1) as clients:
                version = site.version
                clients.wait_for(version)
                slow.start()
                clients.wait_for_more()
                while slow.busy:
                    deploy_again_and_again(running, site, clients, 1)
                    deploys += 1
            assert not slow.failures, (slow.failures, running.log)
            # Begun while the one before might still accept, ended when there had been several newer ones.
            assert max(slow.versions) <= version, "who has begun a request finishes it"
            answers += clients.total
        running.judge()
    finally:
        running.end()
        print(running.log)
    what = f"{2 * ROUNDS} requests of 5 s, {3 * ROUNDS} downloads of 10 s, {answers} others"
    totals.add(f"{way}, slow ones, {bind}", f"{deploys} deploys", what)


def test_of_a_killed_worker_only_what_it_held_is_lost(site: Site, bind: str, totals: Totals) -> None:
    """A client has one request on the way at a time. What a kept-alive client loses was with the worker
    that had answered it before, or on a new connection."""
    close = kept = 2
    running = start("rhebok", site, bind)
    chosen = random.Random(4)
    killed: set[int] = set()
    lost = most = 0
    try:
        end = time.monotonic() + KILLING_SECONDS
        with CheckingClients(running.address, close=close, kept=kept, may_fail=True) as load:
            while time.monotonic() < end:
                victim = chosen.choice(running.wait_for_workers(WORKERS, without=[]))
                os.kill(victim, SIGKILL)
                killed.add(victim)
                running.wait_for_workers(WORKERS, without=[victim])
                load.wait_for_answers(20)
                most, lost = max(most, len(load.failures) - lost), len(load.failures)
                assert most <= close + kept, load.failures
        assert set(load.lost_by) <= killed | {0}
        held = running.log.count("was killed by SIGKILL, serving")
        running.judge()
    finally:
        running.end()
        print(running.log)
    what = f"{load.total}, at most {most} lost by a kill; {held} killed in mid-request"
    totals.add(f"rhebok, kill -9 of workers, {bind}", f"{len(killed)} kills", what, lost)
