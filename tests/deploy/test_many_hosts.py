"""Hosts behind the HAProxy of examples/haproxy: one after another is deployed, and no request is lost."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.balancer import Balancer
from integration.hosts import Host, Street, street
from integration.server import Server, command

from deploy.clients import CheckingClients
from deploy.site import MODULE, Site

pytest.importorskip("prometheus_client")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.needs("haproxy", "ip", "nsenter", "unshare"),
]

HOSTS = 3
WORKERS = 2


class Machine:
    """A host with the site. `name` is HAProxy's."""

    def __init__(self, host: Host, number: int, *options: str) -> None:
        self.name = f"host{number}"
        self._host = host
        self._site = Site(host.directory)
        self._options = (
            *("--bind", f"{Street.address(number)}:8000", "--metrics-bind", f"{Street.address(number)}:9464"),
            *("--kill-old-delay", "0", *options),
        )
        self.start()

    def start(self) -> None:
        """The unix socket is for Server, which is outside and looks whether it listens."""
        self.server = Server(
            MODULE,
            *self._options,
            directory=self._host.directory,
            bind="unix:app.sock",
            workers=WORKERS,
            started_as=self._host.inside(*command()),
        )

    def release(self) -> int:
        return self._site.release()

    def restart(self) -> None:
        self.server.judge()
        self.start()

    def end(self) -> None:
        self.server.end()


class Town:
    """All of it, with the machines in use."""

    def __init__(self, directory: Path, stack: ExitStack, *options: str) -> None:
        place = street(directory, HOSTS, stack)
        self.machines = [Machine(host, number, *options) for number, host in enumerate(place.hosts, 1)]
        for machine in self.machines:
            stack.callback(machine.end)
        self.balancer = Balancer(place.front.directory, place)
        stack.callback(self.balancer.end)
        for machine in self.machines:
            self.balancer.wait_until(machine.name, "UP")

    def by_readiness(self, machine: Machine) -> None:
        """TERM: /readyz refuses, HAProxy takes the machine out, and the rest of its requests are answered."""
        machine.restart()
        self.balancer.wait_until(machine.name, "UP")

    def by_draining(self, machine: Machine) -> None:
        """HAProxy is told first."""
        self.balancer.tell(f"set server app/{machine.name} state drain")
        self.balancer.wait_until_unused(machine.name)
        machine.restart()
        self.balancer.tell(f"set server app/{machine.name} state ready")
        self.balancer.wait_until(machine.name, "UP")

    def by_reloading(self, machine: Machine) -> None:
        """HUP: the machine stays in."""
        old = machine.server.workers()
        machine.server.send(SIGHUP)
        machine.server.wait_for_workers(WORKERS, without=old)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


# The delay is many times what HAProxy needs to notice: 0.2 s in this test.
WAYS = {"by_readiness": ("--pre-stop-delay", "4"), "by_draining": (), "by_reloading": ()}


@pytest.mark.parametrize("way", WAYS)
def test_one_host_after_another_is_deployed_and_no_request_is_lost(
    tmp_path: Path, stack: ExitStack, way: str
) -> None:
    town = Town(tmp_path, stack, *WAYS[way])
    with CheckingClients(town.balancer.address) as clients:
        clients.wait_for(1, 100)
        for machine in town.machines:
            version = machine.release()
            getattr(town, way)(machine)
            town.balancer.wait_until_used(machine.name)
            clients.wait_for(version, 20)
        clients.wait_for_more(100)
    assert set(clients.versions) == {1, 2}
    # A machine that stays in may close an idle connection just when HAProxy takes it.
    assert way == "by_reloading" or town.balancer.repeated() == 0
    for machine in town.machines:
        machine.server.judge()


def test_all_requests_go_to_the_other_hosts_while_one_is_out(tmp_path: Path, stack: ExitStack) -> None:
    town = Town(tmp_path, stack, "--pre-stop-delay", "4")
    out, *others = town.machines
    with CheckingClients(town.balancer.address) as clients:
        town.balancer.wait_until_used(out.name)
        out.server.judge()
        town.balancer.wait_until(out.name, "DOWN")
        before = town.balancer.row(out.name)["stot"]
        for machine in others:
            town.balancer.wait_until_used(machine.name)
        clients.wait_for_more(100)
        assert town.balancer.row(out.name)["stot"] == before
