"""A server under the shim, and what it must be like after every fault.

RHEBOK_SOAK makes the tests go through every place where a call can fail, not the first ones: `make soak`.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from integration.processes import open_names, state
from integration.server import Server
from integration.waiting import until

from faults.control import Control, Fault
from faults.exchanges import EXCHANGES

HERE = Path(__file__).parent
PLACES = 40 if "RHEBOK_SOAK" in os.environ else 1


def _key(fault: Fault) -> tuple[Any, ...]:
    return fault.call, fault.kind, fault.ours


class Patient(Server):
    """A server whose calls can be made to fail."""

    def __init__(self, app: str, *options: str, shim: Path, directory: Path, **arguments: Any) -> None:
        self.faults = Control(directory / "faults")
        super().__init__(
            app,
            *options,
            directory=directory,
            LD_PRELOAD=str(shim),
            **self.faults.variables,
            **arguments,
        )
        self._places: dict[tuple[object, ...], dict[str, int]] = {}

    @property
    def worker(self) -> int:
        (worker,) = self.workers()
        return worker

    def learn_normal(self) -> None:
        """Makes every exchange once, so that what is made once is made, and remembers what is normal."""
        self.faults.watch(self.worker)
        self.pid_of_worker = self.worker
        self.usual_calls = {}
        for _ in range(2):
            for name, exchange in EXCHANGES.items():
                before = self.faults.calls()
                assert exchange.words(self.address) == exchange.normally, name
                self.usual_calls[name] = self.faults.calls() - before
        self.wait_until_idle()
        self.usual_descriptors = self._descriptors()

    def wait_until_idle(self) -> None:
        """Until the worker has no connection and sleeps."""
        until(lambda: self._connections() == 0 and state(self.pid_of_worker) == "S")

    def _descriptors(self) -> list[str]:
        return sorted(open_names(self.pid_of_worker))

    def _connections(self) -> int:
        return sum(name.startswith("socket:") for name in self._descriptors()) - 1  # it listens

    def places(self, fault: Fault) -> dict[str, int]:
        """How often each exchange makes the call that the fault means."""
        key = _key(fault)
        if key not in self._places:
            counter = Fault(fault.call, 1, 0, fault.kind, fault.ours, times=0)
            self._places[key] = {name: self._count(counter, name) for name in EXCHANGES}
        return self._places[key]

    def forget_places(self, fault: Fault) -> None:
        """They are counted again."""
        del self._places[_key(fault)]

    def _count(self, counter: Fault, name: str) -> int:
        with self.faults.armed(counter, pid=self.pid_of_worker):
            EXCHANGES[name].words(self.address)
            self.wait_until_idle()  # some calls come after the answer
            return self.faults.matched(counter)

    @contextmanager
    def suffering(self, fault: Fault, skip: int = 0) -> Iterator[None]:
        with self.faults.armed(fault, pid=self.pid_of_worker, skip=skip):
            yield

    def check_health(self, where: str) -> None:
        """The same worker serves, and holds no descriptor more than before."""
        words = EXCHANGES["plain"].words(self.address)
        assert words == "200 end", f"{where}: afterwards {words}\n{self.log}"
        assert self.workers() == [self.pid_of_worker], f"{where}: another worker\n{self.log}"
        until(
            lambda: self._descriptors() == self.usual_descriptors,
            lambda: f"{where}: {self._descriptors()} are open, not {self.usual_descriptors}",
        )


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared object to preload."""
    built = tmp_path_factory.mktemp("shim") / "shim.so"
    command = ["cc", "-std=gnu11", "-O1", "-fPIC", "-shared"]
    subprocess.run([*command, "-o", str(built), str(HERE / "shim.c"), "-ldl"], check=True)
    return built
