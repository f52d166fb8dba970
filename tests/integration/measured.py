"""A server with --metrics-bind: what it says of itself there."""

from pathlib import Path

import pytest

from integration.http_client import Address, Client, Response
from integration.processes import descendants
from integration.server import Process
from integration.waiting import until

pytest.importorskip("prometheus_client")

from prometheus_client.parser import text_string_to_metric_families as read_text

SOME_PORT = ("--metrics-bind", "127.0.0.1:0")

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics_address(process: Process) -> Address:
    host, port = until(lambda: process.matches(r"metrics and probes at http://(\S+):(\d+),"))[-1]
    return host, int(port)


def ask(process: Process, path: str) -> Response:
    with Client(metrics_address(process)) as client:
        return client.get(path)


def figures(process: Process) -> Figures:
    answer = ask(process, "/metrics")
    assert answer.status == 200, answer
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(answer.text)
        for sample in family.samples
    }


def figure(process: Process, name: str, /, **labels: str) -> float:
    return figures(process)[f"rhebok_{name}", frozenset(labels.items())]


def served(process: Process) -> float:
    return figure(process, "request_duration_seconds_count")


def metrics_process(server: Process) -> int:
    def found() -> list[int]:
        return [pid for pid in descendants(server.pid) if "rhebok: metrics" in _title(pid)]

    return until(found)[0]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def answers(server: Process) -> bool:
    """False: nobody has the listener at the moment, or the connection ended with the process."""
    try:
        return ask(server, "/livez").status == 200
    except (OSError, AssertionError):
        return False
