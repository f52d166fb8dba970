"""prometheus_client with several processes: a gauge of the living, and the hook that forgets the dead."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SERVED = Counter("served", "Requests")
ALIVE = Gauge("alive", "Processes that serve", multiprocess_mode="livesum")
ALIVE.set(1)  # at import: with --preload in the master's file


def reaped(pid: int, _status: int) -> None:
    mark_process_dead(pid)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/metrics":
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return [generate_latest(registry)]
    SERVED.inc()
    ALIVE.set(1)
    return [b"%d" % os.getpid()]
