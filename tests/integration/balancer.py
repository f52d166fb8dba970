"""The HAProxy of examples/haproxy in front of a street of hosts, and its administration."""

import csv
import socket
from pathlib import Path

from integration.hosts import Street
from integration.server import EXAMPLES, Process, program
from integration.waiting import DEADLINE_SECONDS, until

EXAMPLE = EXAMPLES / "haproxy" / "haproxy.cfg"


def example(changes: dict[str, str]) -> str:
    """The configuration, with these other words in it."""
    text = EXAMPLE.read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Balancer(Process):
    """Runs in the host in front; `address` is a unix socket there."""

    def __init__(self, directory: Path, street: Street) -> None:
        self.address = str(directory / "clients.sock")
        self._admin = str(directory / "admin.sock")
        file = directory / "haproxy.cfg"
        file.write_text(self._configuration(len(street.hosts)))
        super().__init__(street.front.inside(program("haproxy"), "-db", "-f", str(file)), directory)
        try:
            until(self._answers, lambda: self.log)
        except BaseException:
            self.end()
            raise

    def _answers(self) -> bool:
        """The path is there a moment before somebody listens."""
        assert not self.ended, self.log
        try:
            return "Uptime" in self.tell("show info")
        except (ConnectionRefusedError, FileNotFoundError):
            return False

    def _configuration(self, hosts: int) -> str:
        """The example, with addresses of the street and without the waiting."""
        return example(
            {
                "/run/haproxy/admin.sock": self._admin,
                "bind :80": f"bind {self.address}",
                "inter 1s": "inter 100ms",
                **{f"10.0.0.1{number}:": f"{Street.address(number)}:" for number in range(1, hosts + 1)},
            }
        )

    def tell(self, words: str) -> str:
        """What it answers on its socket."""
        with socket.socket(socket.AF_UNIX) as admin, admin.makefile("rb") as answer:
            admin.settimeout(DEADLINE_SECONDS)
            admin.connect(self._admin)
            admin.sendall(f"{words}\n".encode())
            return answer.read().decode()

    def repeated(self) -> int:
        """What it has tried again: clients notice nothing of that."""
        row = self.row("BACKEND")
        return int(row["wretr"]) + int(row["wredis"])

    def row(self, host: str) -> dict[str, str]:
        """The host's row of the statistics."""
        rows = csv.DictReader(self.tell("show stat").removeprefix("# ").splitlines())
        return next(row for row in rows if (row["pxname"], row["svname"]) == ("app", host))

    def wait_until(self, host: str, status: str) -> None:
        until(lambda: self.row(host)["status"].startswith(status), lambda: f"{status}: {self.row(host)}")

    def wait_until_unused(self, host: str) -> None:
        """The host has no request that it has not answered."""
        until(lambda: self.row(host)["scur"] == "0", lambda: self.row(host))

    def wait_until_used(self, host: str, requests: int = 20) -> None:
        """It gets so many more."""
        goal = int(self.row(host)["stot"]) + requests
        until(lambda: int(self.row(host)["stot"]) >= goal, lambda: self.row(host))
