"""A light load that expects every answer: each request on a connection of its own, until told to stop."""

import threading
from collections import Counter
from types import TracebackType

from integration.http_client import Address, Client
from integration.waiting import until


class SteadyClients:
    """Threads that ask for / again and again; `with` stops them and raises the first failure.

    bodies: how often each answer came.
    """

    def __init__(self, address: Address, count: int = 4, path: str = "/") -> None:
        self.bodies: Counter[bytes] = Counter()
        self._failures: list[Exception] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(address, path)) for _ in range(count)]

    def __enter__(self) -> "SteadyClients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise AssertionError(f"after {self.total} answers") from self._failures[0]

    @property
    def total(self) -> int:
        return self.bodies.total()

    def seen(self) -> frozenset[bytes]:
        with self._lock:
            return frozenset(self.bodies)

    def wait_for_others(self, known: frozenset[bytes]) -> None:
        """Until there is an answer that is none of the known ones, or a failure."""
        until(lambda: self.seen() - known or self._failures, lambda: known)

    def _ask(self, address: Address, path: str) -> None:
        try:
            while not self._stop.is_set():
                with Client(address) as client:
                    response = client.get(path, Connection="close")
                    assert response.status == 200, response
                with self._lock:
                    self.bodies[response.body] += 1
        except Exception as error:
            self._failures.append(error)
