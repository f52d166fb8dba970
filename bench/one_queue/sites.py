"""What is measured: rows of bench/servers.py with four workers, some behind a proxy. Used by measure.py."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench import run
from bench.commands import Launch
from bench.one_queue.arrivals import WORKERS
from bench.one_queue.connections import Connection
from bench.process import Address, ServerFailedError, running
from bench.servers import BY_NAME as ROWS
from bench.servers import Server as Row
from bench.servers import missing
from bench.workloads import Workload

SLEEPING = Workload("queue", "the worker's pid, after a sleep", app="sleeping:application", answer=None)
START_SECONDS = 30.0
ASKED_AT_ONCE, ASKED_MS = 2 * WORKERS, 20

Front = Callable[[Address], Row]  # a proxy before the server at that address

NGINX_CONFIG = """
daemon off; worker_processes 1; pid {scratch}/pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_timeout 75; keepalive_requests 1000000000;
    client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
    upstream app {{ server {upstream}; {keep} }}
    server {{ listen {bind} backlog=4096; location / {{ proxy_pass http://app; {version} }} }}
}}
"""
HAPROXY_CONFIG = """
global
    nbthread 1
defaults
    mode http
    http-reuse always
    timeout connect 20s
    timeout client 75s
    timeout server 60s
frontend clients
    bind {bind}
    default_backend app
backend app
    server app {upstream}
"""


def host_port(address: Address) -> str:
    """The upstream of a proxy, which is TCP here."""
    return f"{address[0]}:{address[1]}"


def nginx(keep: int) -> Front:
    """nginx that keeps so many connections to the server, or none and opens one per request."""

    def front(upstream: Address) -> Row:
        def command(launch: Launch) -> list[str]:
            text = NGINX_CONFIG.format(
                scratch=launch.scratch,
                upstream=host_port(upstream),
                bind=launch.bind(),
                keep=f"keepalive {keep}; keepalive_requests 1000000000;" if keep else "",
                version='proxy_http_version 1.1; proxy_set_header Connection "";' if keep else "",
            )
            config = launch.scratch / "proxy.conf"
            config.write_text(text)
            return ["nginx", "-e", "stderr", "-c", str(config)]

        return replace(ROWS["nginx"], command=command)

    return front


def haproxy(upstream: Address) -> Row:
    """haproxy that gives a request to any kept connection (http-reuse always)."""

    def command(launch: Launch) -> list[str]:
        config = launch.scratch / "haproxy.cfg"
        config.write_text(HAPROXY_CONFIG.format(bind=launch.bind(), upstream=host_port(upstream)))
        return ["haproxy", "-db", "-f", str(config)]

    program = {"debian": "haproxy", "program": "haproxy", "version": ("haproxy", "-v")}
    return Row("haproxy", command, kind="proxy", **program)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Site:
    """One row of the report."""

    name: str
    row: Row
    transport: str = "tcp"
    front: Front | None = None
    latency: bool = True  # whether a run measures its latencies when no sites are named

    @property
    def rows(self) -> list[Row]:
        """The server, and the proxy before it."""
        return [self.row, *([self.front(("", 0))] if self.front else [])]

    @property
    def missing(self) -> str | None:
        """Why it cannot run here, or None."""
        return next(filter(None, map(missing, self.rows)), None)


def direct(name: str, row: Row, unix_latency: bool = False) -> list[Site]:
    """A server on TCP and on a unix socket."""
    return [Site(f"{name}-tcp", row), Site(f"{name}-unix", row, "unix", latency=unix_latency)]


SITES: tuple[Site, ...] = (
    *direct("rhebok", ROWS["rhebok"], unix_latency=True),
    *direct("gunicorn-gthread", ROWS["gunicorn-gthread"]),
    *direct("granian", ROWS["granian"]),
    *direct("peregrine", ROWS["peregrine"]),
    Site("nginx-keepalive", ROWS["rhebok"], front=nginx(16)),
    Site("nginx", ROWS["rhebok"], front=nginx(0)),
    Site("haproxy", ROWS["rhebok"], front=haproxy),
)
BY_NAME = {site.name: site for site in SITES}


def chosen(names: str, also: Sequence[str]) -> list[Site]:
    """The named sites or all, and other builds of rhebok given as NAME=EXECUTABLE."""
    found = list(SITES) if names == "all" else [BY_NAME[name] for name in names.split(",")]
    for row in run.rows("rhebok", also)[1:]:
        found += direct(row.name, row, unix_latency=True)
    return found


# ---- a site that runs ----


def placed(server_cpu: int | None, command: list[str]) -> list[str]:
    """The command, on that CPU when one is given."""
    return command if server_cpu is None else run.pinned(server_cpu, command)


def ask_together(address: Address) -> set[int]:
    """The pids that answer some requests which come at the same time, each on a connection of its own."""
    with ExitStack() as stack:
        asked = [Connection(address) for _ in range(ASKED_AT_ONCE)]
        for connection in asked:
            stack.enter_context(connection.socket)
            connection.send(ASKED_MS)
        return {connection.wait() for connection in asked}


def wait_for_workers(address: Address) -> None:
    """Returns when all workers have answered: the socket listens before they serve."""
    seen: set[int] = set()
    deadline = time.monotonic() + START_SECONDS
    while len(seen) < WORKERS:
        if time.monotonic() > deadline:
            raise ServerFailedError(f"only {len(seen)} workers had answered after {START_SECONDS:.0f} s")
        seen |= ask_together(address)


@contextlib.contextmanager
def served(row: Row, transport: str, scratch: Path, server_cpu: int | None) -> Iterator[Address]:
    """The address of the row's server, which listens."""
    scratch.mkdir(mode=0o755)  # nginx's worker is another user
    address = run.address_for(transport, scratch)
    launch = Launch(address, SLEEPING, True, scratch, workers=WORKERS)
    with running(placed(server_cpu, row.command(launch)), address, scratch / "log", {}):
        yield address


@contextlib.contextmanager
def started(site: Site, scratch: Path, server_cpu: int | None) -> Iterator[Address]:
    """The address for the clients, once all workers serve."""
    with ExitStack() as stack:
        address = stack.enter_context(served(site.row, site.transport, scratch / "server", server_cpu))
        wait_for_workers(address)
        if site.front:
            front = site.front(address)
            address = stack.enter_context(served(front, "tcp", scratch / "front", server_cpu))
        yield address
