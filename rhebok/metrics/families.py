"""What the supervisor has measured, as the metrics of prometheus_client. Used by service.

docs/OPERATIONS.md has the list for people. Names and labels stay: dashboards and alerts depend on them.
"""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Iterator, Mapping

from rhebok.board.counts import Counts, number
from rhebok.board.histogram import cumulative
from rhebok.board.layout import CAUSES
from rhebok.process.memory import Memory
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Seconds. A request counts for a bound within the resolution of the board: 3 %.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

MEMORY_FRESH = 15.0  # seconds: to look at the pages of all processes takes longer than all the rest

STATES = ("starting", "ready", "leaving")
PHASES = ("starting", "proving", "serving", "ending")

_core: Any = importlib.import_module("prometheus_client.core")
_exposition: Any = importlib.import_module("prometheus_client.exposition")


class Writer:
    """Writes the metrics in the format that the client likes best."""

    def __init__(self) -> None:
        self._memory = Memory(MEMORY_FRESH)
        self._found: dict[str, Any] = {}

    def write(self, found: dict[str, Any], accept: str) -> tuple[bytes, str]:
        """The text and its Content-Type. found: superdaemon/answers.py has it, with what desk adds."""
        self._found = found
        encode, kind = _encoder(accept)
        return encode(self), kind

    def collect(self) -> Iterator[Any]:
        """For prometheus_client."""
        found, counted = self._found, Counts(number(self._found["counted"]))
        if found["counts"]:
            yield from _requests(counted)
            yield from _connections(counted)
            yield from _cache(found, counted)
        yield from _workers(found)
        yield from _deploys(found)
        yield from _listeners(found)
        yield self._bytes(found)

    def _bytes(self, found: dict[str, Any]) -> Any:
        """By kind of process, since pids would be a new series with each deploy."""
        masters = [pid for _, pid, _ in found["generations"]]
        pids = {
            "supervisor": [found["pid"]] if found["pid"] not in masters else [],  # a master answers
            "master": masters,
            "worker": [each[0] for each in found["workers"]],
            "metrics": [os.getpid()],
        }
        sizes = self._memory.of([pid for each in pids.values() for pid in each])
        text = "Memory of all processes of this kind: PSS where /proc tells it, otherwise resident."
        by_kind = {kind: sum(sizes[pid] for pid in these) for kind, these in pids.items()}
        return _gauges("memory_bytes", text, "process", by_kind)


def _encoder(accept: str) -> tuple[Any, str]:
    try:
        return _exposition.choose_encoder(accept)  # type: ignore[no-any-return]
    except Exception:  # of what a client may send there, nothing is known
        return _exposition.generate_latest, _exposition.CONTENT_TYPE_LATEST


def _requests(counted: Counts) -> Iterator[Any]:
    requests = _core.CounterMetricFamily(
        "rhebok_requests", "Requests by method and class of the status.", labels=("method", "class")
    )
    for method, classes in counted.requests.items():
        for name, count in classes.items():
            requests.add_metric((method, name), count)
    yield requests
    times = (
        ("request_duration_seconds", "From the request to the last byte of its response.", counted.total),
        ("request_queue_seconds", "From the last byte of the request to the application.", counted.queue),
        ("application_seconds", "In the application.", counted.application),
    )
    for name, text, histogram in times:
        buckets = [(str(float(bound)), count) for bound, count in cumulative(histogram.counts, BOUNDS)]
        buckets.append(("+Inf", sum(histogram.counts.values())))
        yield _core.HistogramMetricFamily(
            f"rhebok_{name}", text, buckets=buckets, sum_value=histogram.seconds
        )
    yield _counter("received_bytes", "Bytes of requests.", counted.bytes_in)
    yield _counter("sent_bytes", "Bytes of responses.", counted.bytes_out)


def _connections(counted: Counts) -> Iterator[Any]:
    yield _counter("accepted_connections", "Connections that were accepted.", counted.accepted)
    moved = _core.CounterMetricFamily(
        "rhebok_moved_connections", "Connections sent to another worker, by reason.", labels=("reason",)
    )
    moved.add_metric(("waiting",), counted.transferred)
    moved.add_metric(("balance",), counted.balanced)
    yield moved
    yield _gauges("parked_connections", "Open connections that wait, by what for.", "state", counted.parked)


def _cache(found: dict[str, Any], counted: Counts) -> Iterator[Any]:
    events = _core.CounterMetricFamily(
        "rhebok_cache_events", "What the cache did with requests and responses.", labels=("event",)
    )
    for name, count in counted.cache.items():
        events.add_metric((name,), count)
    yield events
    used, responses, size = found["cached"]
    yield _gauge("cache_bytes", "Bytes of the responses in the cache.", used)
    yield _gauge("cache_size_bytes", "Bytes that the cache may take.", size)
    yield _gauge("cache_responses", "Responses in the cache.", responses)


def _workers(found: dict[str, Any]) -> Iterator[Any]:
    workers, ready = found["workers"], [each for each in found["workers"] if each[1] == "ready"]
    by_state = {state: sum(each[1] == state for each in workers) for state in STATES}
    yield _gauges("workers", "Workers of all generations, by state.", "state", by_state)
    yield _gauge("worker_threads", "Threads of the workers that are ready.", sum(each[3] for each in ready))
    yield _gauge("worker_busy", "Of these, those with a request.", sum(each[2] for each in ready))
    yield _gauge("connections", "Open connections.", sum(each[4] for each in workers))
    text = "Bytes in memory of responses that wait for their clients."
    yield _gauge("unsent_bytes", text, sum(each[6] for each in workers))
    oldest = max((each[5] for each in workers), default=0.0)
    yield _gauge("oldest_request_seconds", "For how long the oldest current request has been served.", oldest)
    restarts = _core.CounterMetricFamily(
        "rhebok_restarts", "Workers that were replaced, by cause.", labels=("cause",)
    )
    for cause in CAUSES:
        restarts.add_metric((cause,), found["causes"][cause])
    yield restarts


def _deploys(found: dict[str, Any]) -> Iterator[Any]:
    yield _counter("deploys", "Generations that have replaced another one.", found["deploys"])
    yield _counter("deploys_failed", "Generations that did not get to serve.", found["deploys_failed"])
    phases = {phase: sum(each[2] == phase for each in found["generations"]) for phase in PHASES}
    yield _gauges("generations", "Generations by phase.", "phase", phases)
    yield _gauge("ready", "1 when /readyz says so.", int(found["ready"]))
    yield _gauge("start_time_seconds", "When the supervisor started.", found["started"])
    info = _core.GaugeMetricFamily("rhebok_build_info", "Always 1.", labels=("version", "python"))
    info.add_metric((found["version"], platform.python_version()), 1)
    yield info


def _listeners(found: dict[str, Any]) -> Iterator[Any]:
    """Of those for which the kernel tells."""
    queues = {name: length for name, length, _ in found["listeners"] if length is not None}
    limits = {name: limit for name, _, limit in found["listeners"] if limit is not None}
    text = "Connections that wait to be accepted."
    yield _gauges("listen_queue_length", text, "listener", queues)
    yield _gauges("listen_queue_limit", "The most of them that the kernel lets wait.", "listener", limits)
    if found["listen_drops"] is not None:
        text = "Connections that the kernel has dropped, of all listeners in the network namespace."
        yield _counter("listen_drops", text, found["listen_drops"])


def _counter(name: str, text: str, value: float) -> Any:
    return _core.CounterMetricFamily(f"rhebok_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> Any:
    return _core.GaugeMetricFamily(f"rhebok_{name}", text, value=value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Any:
    family = _core.GaugeMetricFamily(f"rhebok_{name}", text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
