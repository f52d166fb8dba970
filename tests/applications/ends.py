"""The ways in which a worker ends gracefully. Each is brought about from outside and waited for."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from signal import SIGHUP, SIGTERM

import pytest
from integration.processes import has_ended
from integration.server import Server
from integration.waiting import until

SOON = ("--kill-old-delay", "0")


@dataclass(frozen=True)
class End:
    """begin makes all workers end that the server has now; some ends come by themselves, by their options."""

    options: Sequence[str]
    begin: Callable[[Server], object] = lambda server: None

    def of(self, server: Server, workers: Sequence[int]) -> None:
        """Waits until these are gone."""
        self.begin(server)
        until(lambda: all(map(has_ended, workers)), lambda: f"{workers} are to end:\n{server.log}")


ENDS = {
    "TERM": End((), lambda server: server.stop(SIGTERM)),
    "TERM to the worker": End((), lambda server: [os.kill(pid, SIGTERM) for pid in server.workers()]),
    "deploy": End(SOON, lambda server: server.send(SIGHUP)),
    "HUP to the master": End((), lambda server: os.kill(server.master, SIGHUP)),
    "max-requests": End(("--max-requests", "1")),
    "max-worker-lifetime": End(("--max-worker-lifetime", "1.5")),
    "max-worker-memory": End(("--max-worker-memory", "1m")),
}

each_end = pytest.mark.parametrize("end", list(ENDS.values()), ids=list(ENDS))
each_way_to_load = pytest.mark.parametrize("load", ["--preload", "--no-preload"])
