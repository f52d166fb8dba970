"""The site under rhebok itself, under rhebok-starter and under the Perl start_server."""

import shutil
import sys
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.http_client import Address, Client
from integration.processes import descendants
from integration.server import Process, command, environment, free_port
from integration.waiting import until

from deploy.site import MODULE, Site

WORKERS = 2

# How the site can be deployed, and the options that go with it. Without a delay generations overlap least.
WAYS: dict[str, tuple[str, ...]] = {
    "rhebok": ("--kill-old-delay", "0"),
    "rhebok --max-requests": ("--kill-old-delay", "0", "--max-requests", "1000", "--min-requests", "500"),
    "rhebok-starter": (),
    "start_server": (),
}


class Supervised(Process):
    """Whatever supervises; it answers when it is made."""

    def __init__(self, argv: list[str], directory: Path, address: Address, **variables: str) -> None:
        self.address = address
        self.tracebacks = 0  # that broken versions mean to leave in the log
        super().__init__(argv, directory, **variables)
        try:
            until(self._answers, lambda: self.log)
        except BaseException:
            self.end()
            raise

    def deploy(self) -> None:
        """HUP; returns at once."""
        self.send(SIGHUP)

    @property
    def masters(self) -> list[int]:
        """The generations, oldest first."""
        return [int(pid) for pid in self.matches(r"\[(\d+)\] \[INFO\] rhebok \S+ serves")]

    def workers(self) -> list[int]:
        alive = set(descendants(self.pid))
        return [pid for pid in map(int, self.matches(r"worker (\d+) is ready")) if pid in alive]

    def wait_for_workers(self, count: int, without: list[int]) -> list[int]:
        """The pids, once there are exactly so many, all of them new."""

        def settled() -> list[int]:
            workers = self.workers()
            return workers if len(workers) == count and not set(workers) & set(without) else []

        return until(settled, lambda: f"{self.workers()}\n{self.log}")

    def judge(self) -> None:
        if not self.ended:
            assert self.stop() == 0, self.log
        assert self.log.count("Traceback") == self.tracebacks, self.log

    def version(self) -> int:
        with Client(self.address) as client:
            return int(client.get("/?t", Connection="close").body.split()[0])

    def _answers(self) -> bool:
        assert not self.ended, self.log
        try:
            return bool(self.version())
        except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):
            return False


def start(name: str, site: Site, bind: str, *options: str, **variables: str) -> Supervised:
    """`name` is one of WAYS, `bind` tcp or unix, of rhebok also abstract; options are rhebok's."""
    name, options = name.partition(" ")[0], (*WAYS[name], *options)
    path = str(site.directory / "s")
    port = free_port()
    addresses: dict[str, Address] = {"unix": path, "abstract": f"\0rhebok-{port}", "tcp": ("127.0.0.1", port)}
    address = addresses[bind]
    served = [*command(), MODULE, "--workers", str(WORKERS), *options]
    if name == "rhebok":
        specs = {"unix": f"unix:{path}", "abstract": f"unix:@rhebok-{port}", "tcp": f"127.0.0.1:{port}"}
        running = Supervised([*served, "--bind", specs[bind]], site.directory, address, **variables)
        running.wait_for(r"generation 1 \(pid \d+\) serves")  # the first answer comes from the first worker
        return running
    where = f"--path={path}" if bind == "unix" else f"--port=127.0.0.1:{port}"
    own = [*_starter(name), where, "--interval=1"]
    return Supervised([*own, "--", *served], site.directory, address, **variables)


def _starter(name: str) -> list[str]:
    if name == "rhebok-starter":
        return [sys.executable, "-m", "rhebok.starter"]
    found = shutil.which(name, path=environment()["PATH"])
    if found is None:
        pytest.skip("start_server is not installed (apt-get install libserver-starter-perl)")
    return [found]
