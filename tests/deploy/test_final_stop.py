"""The last moments of a port or a path: no client that got a connection is left without its answer."""

import random
import threading
from collections import Counter
from signal import SIGTERM

import pytest
from integration.http_client import Address, Client
from integration.waiting import until

from deploy.conftest import SOAK
from deploy.site import Site
from deploy.supervisors import start
from deploy.totals import Totals

CLIENTS = 8


class CallersOfTheLastMoment:
    """Clients that ask on one connection after the other until they do not get one any more.

    That a connection is refused when the port is closed is no failure. After it has been made the answer must
    come, whole.
    """

    def __init__(self, address: Address) -> None:
        self.seen: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self._address = address
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(CLIENTS)]

    def __enter__(self) -> "CallersOfTheLastMoment":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        while True:
            try:
                client = Client(self._address)
            except (ConnectionRefusedError, FileNotFoundError):
                return
            try:
                with client:
                    assert client.get("/?t", Connection="close").status == 200
                    assert client.at_end()
                self.seen["answers"] += 1
            except Exception as error:
                self.failures.append(error)


@pytest.mark.parametrize("bind", ["tcp", "unix", "abstract"])
def test_whoever_gets_a_connection_before_the_end_gets_an_answer(
    site: Site, bind: str, deploys: int, totals: Totals
) -> None:
    stops = 2 * deploys if SOAK else 2
    answers, chosen = 0, random.Random(7)
    for _ in range(stops):
        running = start("rhebok", site, bind)
        try:
            with CallersOfTheLastMoment(running.address) as callers:
                enough = chosen.randint(50, 100)  # so that no stop comes at the same moment of the load
                until(lambda enough=enough, callers=callers: callers.seen["answers"] >= enough)
                running.send(SIGTERM)
            assert running.wait() == 0
            assert not callers.failures, (callers.failures, running.log)
        finally:
            running.end()
        answers += callers.seen["answers"]
    totals.add(f"rhebok, final stop, {bind}", f"{stops} stops", f"{answers}")


def test_who_has_connected_before_the_end_may_ask_a_little_later(site: Site) -> None:
    """With TCP_DEFER_ACCEPT the kernel keeps such a connection to itself until the request comes."""
    running = start("rhebok", site, "tcp")
    try:
        with Client(running.address) as client:
            running.send(SIGTERM)
            running.wait_for("stopping gracefully")
            assert client.get("/?t").says_close
        assert running.wait() == 0
    finally:
        running.end()
        print(running.log)
