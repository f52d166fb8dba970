"""Several workers that the test can hold, each at a gate. Used by the tests of balance and transfer.

A held worker is at a gate with all its threads (integration.gate, apps/held.py). Its connections stay open
and are served by nobody, unless another worker takes them.
"""

import itertools
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.gate import Gate
from integration.http_client import Address, Client, head
from integration.owners import owners
from integration.server import Server

Answer = dict[str, Any]


@dataclass
class Held:
    """A request that stands at a gate."""

    client: Client
    gate: Gate
    worker: int

    def release(self) -> Answer:
        self.gate.open()
        return answer(self.client)


def answer(client: Client) -> Answer:
    """The next answer of apps/held.py."""
    response = client.response()
    assert response.status == 200, response
    found: Answer = response.json()
    return found


def ask(client: Client, query: str = "") -> Answer:
    client.send(head("GET", f"/?{query}"))
    return answer(client)


def ask_all(clients: Sequence[Client]) -> list[Answer]:
    """All ask before the first answer is read; each gets its own."""
    for number, client in enumerate(clients):
        client.send(head("GET", f"/?{number}"))
    answers = [answer(client) for client in clients]
    assert [found["query"] for found in answers] == [str(number) for number in range(len(clients))]
    return answers


def stays_silent(client: Client, seconds: float = 0.02) -> bool:
    """Whether nothing comes from the server within the time."""
    return not select.select([client.socket], [], [], seconds)[0]


class Crew:
    def __init__(self, server: Server, directory: Path, threads: int) -> None:
        self.server = server
        self.threads = threads
        self._directory = directory
        self._names = itertools.count()
        self._gates: list[Gate] = []
        self._clients: list[Client] = []

    def clients(self, count: int, address: Address | None = None) -> list[Client]:
        """Connections that are closed at the end of the test."""
        found = [Client(address or self.server.address) for _ in range(count)]
        self._clients += found
        return found

    def kept(self, count: int, address: Address | None = None) -> list[Client]:
        """Connections that have had an answer each."""
        found = self.clients(count, address)
        for client in found:
            ask(client)
        return found

    def owner(self, client: Client) -> int:
        return self.owners([client])[0]

    def owners(self, clients: Sequence[Client]) -> list[int]:
        """The worker that has the connection, for each."""
        return owners(self.server.address, self.server.workers(), clients)

    def first_of_many(self, clients: Sequence[Client]) -> tuple[Client, list[Client]]:
        """A connection of the worker that has the most of them, and the other clients."""
        owned = self.owners(clients)
        first = clients[owned.index(max(owned, key=owned.count))]
        return first, [client for client in clients if client is not first]

    def those_of(self, worker: int, clients: Sequence[Client]) -> list[Client]:
        """Its connections, one at least: otherwise the test would show nothing."""
        owned = zip(clients, self.owners(clients), strict=True)
        found = [client for client, owner in owned if owner == worker]
        assert found, f"worker {worker} has none of the {len(clients)} connections"
        return found

    def new_gate(self) -> Gate:
        self._gates.append(Gate(self._directory, f"gate{next(self._names)}"))
        return self._gates[-1]

    def hold(self, client: Client, more: bytes = b"") -> Held:
        """Its next request stands at a gate. more: what is sent right behind the request."""
        gate = self.new_gate()
        client.send(head("GET", f"/gate/{gate.path.name}") + more)
        gate.wait_for_arrival()
        return Held(client, gate, self.owner(client))

    def hold_new(self) -> Held:
        """The request of a connection of its own."""
        return self.hold(self.clients(1)[0])

    def hold_all(self) -> list[Held]:
        return [self.hold_new() for _ in range(self.threads * len(self.server.workers()))]

    @contextmanager
    def held(self, worker: int) -> Iterator[int]:
        """That worker is held, all others are idle."""
        everybody: list[Held] = []
        while sum(one.worker == worker for one in everybody) < self.threads:
            everybody.append(self.hold_new())
        others = [one for one in everybody if one.worker != worker]
        for one in others:
            finish(one)
        yield worker
        for one in everybody:
            if one not in others:
                finish(one)

    def travel(self, client: Client, query: str = "") -> Answer:
        """Asks while the worker that has the connection is held: another one answers."""
        with self.held(self.owner(client)) as busy:
            found = ask(client, query)
            assert found["pid"] != busy
        return found

    def end(self) -> None:
        """Nobody stands at a gate any more."""
        for gate in self._gates:
            gate.remove()
        for client in self._clients:
            client.close()


def finish(held: Held) -> None:
    held.release()
    held.client.close()
