"""Uploads that do harm: `python -m bench uploads` shows what they cost the others, with one worker of Rhebok.

First the latency of new connections, one every 20 ms, beside clients that send one-byte chunks without end
(uploader.py): over TCP, over a unix socket, and for comparison of nginx, which passes the uploads on to a
Rhebok. Then the memory of the process tree before, during and after many connections that send a part of
a body, stall and go away.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import machine, memory, run
from bench.commands import script
from bench.paths import ROOT
from bench.process import Address, Server, ServerFailedError, connect, free_port, running
from bench.servers import BY_NAME
from bench.slow_clients import ABORT

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
STALLED = b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 60_000
EVERY_SECONDS = 0.02
AFTER_SECONDS = (0, 1, 2, 3, 5)
MILLI = 1e3

NGINX_CONFIG = """
daemon off; worker_processes 1; pid {scratch}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 0;
    client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "hello, world"; }}
        location /upload {{ proxy_pass http://unix:{upstream}; proxy_http_version 1.1; }}
    }}
}}
"""


# ---- the servers ----


def shown(address: Address) -> str:
    """As uploader.py reads it."""
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


@contextlib.contextmanager
def rhebok(options: argparse.Namespace, scratch: Path, address: Address) -> Iterator[Server]:
    """One worker without a limit of connections."""
    bind = f"unix:{address}" if isinstance(address, str) else shown(address)
    command = [options.rhebok, "-w", "1", "-b", bind, "--max-connections", "0", "uploads:application"]
    log = scratch / "rhebok.log"
    with running(run.pinned(options.server_cpu, command), address, log, {}) as server:
        yield server


@contextlib.contextmanager
def served(options: argparse.Namespace, kind: str) -> Iterator[Address]:
    """The address of a server of this kind: tcp, unix or nginx."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as directory:
        scratch = Path(directory)
        path, port = str(scratch / "socket"), free_port()
        own: Address = ("127.0.0.1", port) if kind == "tcp" else path
        with rhebok(options, scratch, own):
            if kind != "nginx":
                yield own
                return
            config = scratch / "nginx.conf"
            config.write_text(NGINX_CONFIG.format(scratch=scratch, port=port, upstream=path))
            command = run.pinned(options.server_cpu, ["nginx", "-e", "stderr", "-c", str(config)])
            with running(command, ("127.0.0.1", port), scratch / "nginx.log", {}) as server:
                yield server.address


# ---- newcomers ----


@contextlib.contextmanager
def uploaders(address: Address, count: int) -> Iterator[None]:
    """Hostile clients, each a process of its own, whose bodies have begun."""
    command = ["nice", "-n", "10", sys.executable, "-m", "bench.uploader", shown(address)]
    clients = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for client in clients:
            assert client.stdout is not None
            if client.stdout.readline() != "ready\n":
                raise ServerFailedError("an uploader could not connect")
        yield
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def newcomer(address: Address) -> float:
    """Milliseconds from connect to the last byte."""
    began = time.perf_counter()
    with connect(address) as connection:
        connection.sendall(GET)
        answer = b""
        while block := connection.recv(4096):
            answer += block
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ServerFailedError("a newcomer got no answer")
    return (time.perf_counter() - began) * MILLI


def newcomers(address: Address, count: int) -> list[float]:
    """Their latencies, sorted. A late one does not delay the next by more than itself."""
    took = []
    for _ in range(count):
        took.append(newcomer(address))
        time.sleep(max(0.0, EVERY_SECONDS - took[-1] / MILLI))
    return sorted(took)


def report_latency(options: argparse.Namespace) -> None:
    """A table: each server without uploaders, with one, and with several."""
    print("\n| new connections, ms | uploaders | median | p99 | longest |\n|---|--:|--:|--:|--:|")
    for kind in ("tcp", "unix", "nginx"):
        for count in (0, 1, options.uploaders):
            with served(options, kind) as address:
                newcomer(address)  # waits for the worker's start
                with uploaders(address, count):
                    took = newcomers(address, options.requests)
            p99 = took[len(took) * 99 // 100]
            print(
                f"| {kind} | {count} | {statistics.median(took):.2f} | {p99:.2f} | {took[-1]:.2f} |",
                flush=True,
            )


# ---- memory ----


def mib(server: Server) -> float:
    """PSS of the process tree."""
    return sum(memory.pss_of_tree(server.pid).values()) / memory.KIB_PER_MIB


@contextlib.contextmanager
def stalled(address: Address, count: int) -> Iterator[None]:
    """Connections that have sent a part of a body."""
    with contextlib.ExitStack() as held:
        for _ in range(count):
            connection = held.enter_context(connect(address))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            connection.sendall(STALLED)
        newcomer(address)
        yield


def report_memory(options: argparse.Namespace) -> None:
    """A table of moments."""
    print(f"\n| {options.stalled:,} stalled bodies | MiB |\n|---|--:|")
    address: Address = ("127.0.0.1", free_port())
    with (
        tempfile.TemporaryDirectory(prefix="rhebok-bench-") as scratch,
        rhebok(options, Path(scratch), address) as server,
    ):
        newcomers(address, 20)
        print(f"| before | {mib(server):.1f} |")
        with stalled(address, options.stalled):
            print(f"| during | {mib(server):.1f} |")
        gone = time.monotonic()
        for seconds in AFTER_SECONDS:
            time.sleep(max(0.0, gone + seconds - time.monotonic()))
            print(f"| {seconds} s after | {mib(server):.1f} |", flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench uploads", description=__doc__)
    parser.add_argument("--rhebok", default=script("rhebok"), help="the executable")
    parser.add_argument("--uploaders", type=int, default=8, help="of the crowded measurement")
    parser.add_argument("--requests", type=int, default=500, help="of newcomers, in each measurement")
    parser.add_argument("--stalled", type=int, default=2000, help="connections with a part of a body")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints."""
    options = parse(arguments)
    options.rhebok = str(Path(options.rhebok).absolute())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (options.stalled + 1000, hard))
    os.sched_setaffinity(0, {options.client_cpu})
    about = machine.describe([BY_NAME["rhebok"], BY_NAME["nginx"]])
    about["settings"] = f"one worker on CPU {options.server_cpu}, clients on CPU {options.client_cpu}"
    print("\n".join(machine.heading(about)), flush=True)
    report_latency(options)
    report_memory(options)
    return 0
