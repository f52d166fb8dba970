"""Hosts that are network namespaces: each has an address of its own, and a cable to the one in front of them.

Nothing of the network of the machine is changed. The one in front is reached by a unix socket.
"""

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.server import Process

HOLD = "ip link set lo up && echo is up && exec sleep infinity"


class Host(Process):
    """A process that holds the namespace. Its end is that of the cables."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        super().__init__(["unshare", "--net", "sh", "-c", HOLD], directory)
        with self.starting():
            self.wait_for("is up")

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs there."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *argv]

    def ip(self, *words: str) -> None:
        subprocess.run(self.inside("ip", *words), check=True)


class Street:
    """`front`, and hosts that only `front` reaches: number N has the address 10.77.N.2."""

    def __init__(self, directory: Path, count: int, stack: ExitStack) -> None:
        self.front = self._host(directory / "front", stack)
        self.hosts = [self._host(directory / f"host{number}", stack) for number in range(1, count + 1)]
        for number, host in enumerate(self.hosts, 1):
            self._connect(host, number)

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.{number}.2"

    def _host(self, directory: Path, stack: ExitStack) -> Host:
        host = Host(directory)
        stack.callback(host.end)
        return host

    def _connect(self, host: Host, number: int) -> None:
        cable = f"cable{number}"
        self.front.ip("link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", str(host.pid))
        for one, name, address in (
            (self.front, cable, f"10.77.{number}.1"),
            (host, "cable", self.address(number)),
        ):
            one.ip("address", "add", f"{address}/24", "dev", name)
            one.ip("link", "set", name, "up")


def street(directory: Path, count: int, stack: ExitStack) -> Street:
    """Skips the test where a network cannot be had."""
    trial: Sequence[str] = ["unshare", "--net", "ip", "link", "add", "cable", "type", "veth"]
    if subprocess.run(trial, capture_output=True).returncode != 0:
        pytest.skip("no network namespaces here")
    return Street(directory, count, stack)
