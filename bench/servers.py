"""The servers: one row each, with how to install it and how to start it. To add a peer, add a row.

bench/install.py installs the peers, bench/run.py and memory.py start them. The commands are in
bench/commands.py.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from bench import commands, installed
from bench.commands import Command, script
from bench.paths import FLOOR, ROOT
from bench.workloads import Workload

MODES = ("tcp-close", "tcp-keepalive", "unix-close", "unix-keepalive")
CLOSING = frozenset({"tcp-close", "unix-close"})
EVERY = frozenset(MODES)
TCP_ONLY = frozenset({"tcp-close", "tcp-keepalive"})
VERSION_NUMBER = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Server:
    """One row of the table."""

    name: str
    command: Command
    pip: tuple[tuple[str, ...], ...] = ()  # arguments of `pip install`, one tuple per call
    package: str = ""  # whose version is shown, from PyPI
    debian: str = ""  # the Debian package of `program`
    program: str = ""
    version: tuple[str, ...] = ()  # the command that prints the version, for servers that are not from PyPI
    kind: str = "wsgi"  # which workloads it can serve, see Workload.peers
    modes: frozenset[str] = EVERY
    workers: bool = True  # whether it can run several
    preload: bool = False  # whether it has an option to load the application before the fork
    notes: str = ""


SERVERS: tuple[Server, ...] = (
    Server(
        "floor",
        commands.floor,
        kind="floor",
        program=str(FLOOR),
        workers=False,
        notes="C, fixed answer, no parsing: what the kernel alone costs",
    ),
    Server(
        "floor-together",
        commands.floor_together,
        kind="floor",
        program=str(FLOOR),
        workers=False,
        modes=frozenset({"tcp-close"}),
        notes="the floor with the answer and the end of the connection in one packet, as rhebok sends them",
    ),
    Server(
        "rhebok",
        commands.rhebok(script("rhebok")),
        pip=((str(ROOT),),),
        package="rhebok",
        preload=True,
        notes="this server",
    ),
    Server(
        "rhebok-static",
        commands.rhebok_static,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="files",
        notes="this server with --static: files without the application",
    ),
    Server(
        "rhebok-cache",
        commands.rhebok_cache,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="cache",
        notes="this server with --cache: pages without the application",
    ),
    Server(
        "rhebok-answers",
        commands.rhebok_answers,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="passes",
        notes="with --static and --cache, for `instructions`: a request that neither answers",
    ),
    Server(
        "nginx",
        commands.nginx,
        kind="nginx",
        debian="nginx",
        program="nginx",
        version=("nginx", "-v"),
        notes="`return 200`, no application; files by sendfile with open_file_cache; proxy_cache",
    ),
    Server(
        "bjoern",
        commands.embedded("bjoern"),
        pip=(("bjoern",),),
        package="bjoern",
        notes="needs libev-dev to build",
    ),
    Server(
        "uwsgi",
        commands.uwsgi,
        pip=(("uWSGI",),),
        package="uWSGI",
        preload=True,
        notes="--http-socket, --http11-socket for keep-alive",
    ),
    Server(
        "fastwsgi",
        commands.embedded("fastwsgi"),
        pip=(("fastwsgi",),),
        package="fastwsgi",
        modes=TCP_ONLY,
        notes="no unix sockets",
    ),
    Server(
        "granian", commands.granian, pip=(("granian",),), package="granian", notes="one thread of each kind"
    ),
    Server(
        "peregrine",
        commands.peregrine,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        notes="Swift; one thread for the application",
    ),
    Server(
        "peregrine-static",
        commands.peregrine_static,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        kind="files",
        notes="with --static-dir",
    ),
    Server(
        "peregrine-cache",
        commands.peregrine_cache,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        kind="cache",
        notes="with --cache-size",
    ),
    Server(
        "meinheld",
        commands.embedded("meinheld"),
        pip=(("greenlet",), ("--no-deps", "meinheld")),
        package="meinheld",
        notes="asks for a greenlet that does not build on 3.11, so it runs with the current one",
    ),
    Server(
        "unicorn",
        commands.unicorn,
        kind="rack",
        debian="unicorn",
        program="unicorn",
        version=("unicorn", "-v"),
        modes=CLOSING,
        preload=True,
        notes="Ruby; has no keep-alive",
    ),
    Server(
        "puma",
        commands.puma,
        kind="rack",
        debian="puma",
        program="puma",
        version=("puma", "-V"),
        preload=True,
        notes="Ruby; cluster, one thread a worker",
    ),
    Server(
        "waitress",
        commands.waitress,
        pip=(("waitress",),),
        package="waitress",
        workers=False,
        notes="one thread beside its loop",
    ),
    Server(
        "cheroot",
        commands.embedded("cheroot"),
        pip=(("cheroot",),),
        package="cheroot",
        workers=False,
        notes="one thread beside its loop",
    ),
    Server(
        "gunicorn-sync",
        commands.gunicorn("sync"),
        pip=(("gunicorn",),),
        package="gunicorn",
        modes=CLOSING,
        preload=True,
        notes="has no keep-alive",
    ),
    Server(
        "gunicorn-gthread",
        commands.gunicorn("gthread", "--threads", "1"),
        pip=(("gunicorn",),),
        package="gunicorn",
        preload=True,
        notes="one thread a worker",
    ),
    Server(
        "bare",
        commands.bare,
        kind="bare",
        program=sys.executable,
        workers=False,
        notes="the application in a loop, no server: its part of every total",
    ),
)

BY_NAME = {server.name: server for server in SERVERS}


def missing(server: Server) -> str | None:
    """Why the server cannot run here, or None."""
    if server.package:
        try:
            importlib.metadata.version(server.package)
        except importlib.metadata.PackageNotFoundError:
            return installed.reason(server.name) or "not installed: make -C bench peers"
    if server.program and shutil.which(server.program) is None:
        return f"not installed: apt-get install {server.debian}" if server.debian else "not built: make"
    return None


def version_of(server: Server) -> str:
    """The version that the package or the program reports."""
    if server.package:
        return importlib.metadata.version(server.package)
    if not server.version:
        return ""
    done = subprocess.run(server.version, capture_output=True, text=True, check=False)
    number = VERSION_NUMBER.search(done.stdout + done.stderr)
    return number.group() if number else ""


def unsupported(server: Server, workload: Workload, mode: str) -> str | None:
    """Why the server does not support this cell, or None."""
    if mode not in server.modes:
        return f"has no {mode.replace('-', ' ')}"
    if server.kind == "floor":
        return None if workload.fixed else "has no application"
    if server.kind == "bare":
        return None if "wsgi" in workload.peers and not workload.body_size else "needs a request body"
    return None if server.kind in workload.peers else f"{server.kind} has no {workload.name}"
