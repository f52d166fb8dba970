"""The servers: one row each, with how to install it and how to start it. To add a peer, add a row.

bench/install.py installs the peers, bench/run.py and memory.py start them. Each has the configuration that
costs it least: one worker, one thread, access log off, its own recommended socket options.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import installed, nginx_config
from bench.paths import BENCH, FILE_1M, FLOOR, ROOT, STATIC
from bench.process import Address
from bench.workloads import Workload, fixed_answer

MODES = ("tcp-close", "tcp-keepalive", "unix-close", "unix-keepalive")
CLOSING = frozenset({"tcp-close", "unix-close"})
EVERY = frozenset(MODES)
TCP_ONLY = frozenset({"tcp-close", "tcp-keepalive"})
VERSION_NUMBER = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Launch:
    """The parameters of a start."""

    address: Address
    workload: Workload
    keep_alive: bool
    scratch: Path  # an empty directory for its files
    workers: int = 1
    preload: bool = False

    @property
    def app(self) -> str:
        """The application as module:callable."""
        return self.workload.app

    @property
    def path(self) -> str | None:
        """The path, if the address is a unix socket."""
        return self.address if isinstance(self.address, str) else None

    def bind(self, unix_prefix: str = "unix:") -> str:
        """The address in the form that most servers accept."""
        if isinstance(self.address, str):
            return unix_prefix + self.address
        return f"{self.address[0]}:{self.address[1]}"


Command = Callable[[Launch], list[str]]


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


def script(name: str) -> str:
    """A console script of the bench's own environment."""
    return str(Path(sys.executable).parent / name)


def rhebok(executable: str) -> Command:
    """Our own server; the executable is a parameter so that two builds can be compared."""

    def command(launch: Launch) -> list[str]:
        preload = ["--preload"] if launch.preload else []
        return [executable, "-w", str(launch.workers), "-b", launch.bind(), *preload, launch.app]

    return command


def rhebok_static(launch: Launch) -> list[str]:
    """Our own server, with files of its own."""
    return [script("rhebok"), "--static", f"/static/={STATIC}", *rhebok(script("rhebok"))(launch)[1:]]


def rhebok_cache(launch: Launch) -> list[str]:
    """Our own server, with a cache."""
    return [script("rhebok"), "--cache", "64m", *rhebok(script("rhebok"))(launch)[1:]]


def rhebok_answers(launch: Launch) -> list[str]:
    """Our own server, with files and a cache that have no answer."""
    return [script("rhebok"), "--cache", "64m", *rhebok_static(launch)[1:]]


def floor(launch: Launch) -> list[str]:
    """The C floor, with the bytes of the workload's response."""
    answer = launch.scratch / "answer"
    whole = fixed_answer(launch.workload, close=not launch.keep_alive)
    by_file = launch.workload.by_file
    answer.write_bytes(whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if by_file else whole)
    mode = "keepalive" if launch.keep_alive else "close"
    options = ["--answer", str(answer), "--body", str(launch.workload.body_size)]
    return [str(FLOOR), mode, launch.bind(), *options, *(["--file", str(FILE_1M)] if by_file else [])]


def floor_together(launch: Launch) -> list[str]:
    """The same, with the response and the end of the connection in one packet."""
    return [*floor(launch), "--end", "together"]


def nginx(launch: Launch) -> list[str]:
    """nginx with `return 200`, with files, and with pages that it has in its cache."""
    config = launch.scratch / "nginx.conf"
    listen = launch.bind() + ("" if launch.path else " deferred")
    page = launch.workload.answer if "cache" in launch.workload.peers else None
    config.write_text(nginx_config.text(launch.workers, listen, launch.scratch, page))
    return ["nginx", "-e", "stderr", "-c", str(config)]


def gunicorn(worker_class: str, *more: str) -> Command:
    """gunicorn with one of its worker classes."""

    def command(launch: Launch) -> list[str]:
        options = ["-k", worker_class, "-w", str(launch.workers), "-b", launch.bind(), *more]
        limits = ["--keep-alive", "75", "--worker-connections", "5000"]
        quiet = ["--log-level", "warning", "--no-control-socket", *(["--preload"] if launch.preload else [])]
        return [script("gunicorn"), *options, *limits, *quiet, launch.app]

    return command


def uwsgi(launch: Launch) -> list[str]:
    """uWSGI speaking HTTP itself; it preloads unless told to be lazy.

    Its --http-socket closes connections without `Connection: close`, which a client must take for an error.
    So the field is added.
    """
    close = ["--http-socket", launch.bind(""), "--add-header", "Connection: close"]
    socket = ["--http11-socket", launch.bind("")] if launch.keep_alive else close
    process = ["--master", "--processes", str(launch.workers), "--die-on-term", "--listen", "1024"]
    app = ["--module", launch.app, "--need-app", "--virtualenv", sys.prefix, "--disable-logging"]
    lazy = [] if launch.preload else ["--lazy-apps"]
    return [script("uwsgi"), *socket, *process, *app, *lazy]


def granian(launch: Launch) -> list[str]:
    """granian with one thread of each kind."""
    if launch.path:
        where = ["--uds", launch.path]
    else:
        where = ["--host", "127.0.0.1", "--port", str(launch.address[1])]
    threads = ["--workers", str(launch.workers), "--blocking-threads", "1", "--runtime-threads", "1"]
    protocol = ["--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "warning"]
    return [script("granian"), *where, *threads, *protocol, launch.app]


def peregrine(launch: Launch) -> list[str]:
    """peregrine with one thread for the application."""
    if launch.path:
        where = ["--unix", launch.path]
    else:
        where = ["--host", "127.0.0.1", "--port", str(launch.address[1])]
    threads = ["--workers", str(launch.workers), "--wsgi-threads", "1", "--keep-alive", "75000"]
    protocol = ["--protocol", "wsgi", "--no-http2", "--log-level", "warning"]
    return [script("peregrine"), *where, *threads, *protocol, launch.app]


def peregrine_static(launch: Launch) -> list[str]:
    """The same, with files of its own."""
    return [*peregrine(launch)[:-1], "--static-dir", f"/static={STATIC}", launch.app]


def peregrine_cache(launch: Launch) -> list[str]:
    """The same, with a cache."""
    return [*peregrine(launch)[:-1], "--cache-size", "64", launch.app]


def waitress(launch: Launch) -> list[str]:
    """waitress with its loop and one more thread."""
    where = f"--unix-socket={launch.path}" if launch.path else f"--listen={launch.bind()}"
    limits = ["--threads=1", "--connection-limit=5000", "--asyncore-use-poll"]
    return [script("waitress-serve"), where, *limits, launch.app]


def embedded(name: str) -> Command:
    """A server without a command line of its own, started by bench/embedded.py."""

    def command(launch: Launch) -> list[str]:
        workers = str(launch.workers)
        return [sys.executable, str(BENCH / "embedded.py"), name, launch.bind(), workers, launch.app]

    return command


def unicorn(launch: Launch) -> list[str]:
    """unicorn without middleware."""
    config = launch.scratch / "unicorn.rb"
    preload = "true" if launch.preload else "false"
    config.write_text(f"worker_processes {launch.workers}\npreload_app {preload}\n")
    return ["unicorn", "-N", "-E", "none", "-c", str(config), "-l", launch.bind(""), "hello.ru"]


def puma(launch: Launch) -> list[str]:
    """puma as a cluster, with one thread per worker."""
    where = f"unix://{launch.path}" if launch.path else f"tcp://{launch.bind()}"
    cluster = ["-w", str(launch.workers), "-t", "1:1", *(["--preload"] if launch.preload else [])]
    return ["puma", "--no-config", "-e", "none", "-s", "-b", where, *cluster, "hello.ru"]


def bare(launch: Launch) -> list[str]:
    """The application called in a loop without a server. It does not listen; bench/run.py handles it."""
    return [sys.executable, str(BENCH / "bare.py"), launch.app, launch.workload.mix]


SERVERS: tuple[Server, ...] = (
    Server(
        "floor",
        floor,
        kind="floor",
        program=str(FLOOR),
        workers=False,
        notes="C, fixed answer, no parsing: what the kernel alone costs",
    ),
    Server(
        "floor-together",
        floor_together,
        kind="floor",
        program=str(FLOOR),
        workers=False,
        modes=frozenset({"tcp-close"}),
        notes="the floor with the answer and the end of the connection in one packet, as rhebok sends them",
    ),
    Server(
        "rhebok",
        rhebok(script("rhebok")),
        pip=((str(ROOT),),),
        package="rhebok",
        preload=True,
        notes="this server",
    ),
    Server(
        "rhebok-static",
        rhebok_static,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="files",
        notes="this server with --static: files without the application",
    ),
    Server(
        "rhebok-cache",
        rhebok_cache,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="cache",
        notes="this server with --cache: pages without the application",
    ),
    Server(
        "rhebok-answers",
        rhebok_answers,
        pip=((str(ROOT),),),
        package="rhebok",
        kind="passes",
        notes="this server with --static and --cache, for `instructions`: what a request costs that neither answers",
    ),
    Server(
        "nginx",
        nginx,
        kind="nginx",
        debian="nginx",
        program="nginx",
        version=("nginx", "-v"),
        notes="`return 200`, no application; files by sendfile with open_file_cache; proxy_cache",
    ),
    Server(
        "bjoern",
        embedded("bjoern"),
        pip=(("bjoern",),),
        package="bjoern",
        notes="needs libev-dev to build",
    ),
    Server(
        "uwsgi",
        uwsgi,
        pip=(("uWSGI",),),
        package="uWSGI",
        preload=True,
        notes="--http-socket, --http11-socket for keep-alive",
    ),
    Server(
        "fastwsgi",
        embedded("fastwsgi"),
        pip=(("fastwsgi",),),
        package="fastwsgi",
        modes=TCP_ONLY,
        notes="no unix sockets",
    ),
    Server("granian", granian, pip=(("granian",),), package="granian", notes="one thread of each kind"),
    Server(
        "peregrine",
        peregrine,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        notes="Swift; one thread for the application",
    ),
    Server(
        "peregrine-static",
        peregrine_static,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        kind="files",
        notes="with --static-dir",
    ),
    Server(
        "peregrine-cache",
        peregrine_cache,
        pip=(("peregrine-server",),),
        package="peregrine-server",
        kind="cache",
        notes="with --cache-size",
    ),
    Server(
        "meinheld",
        embedded("meinheld"),
        pip=(("greenlet",), ("--no-deps", "meinheld")),
        package="meinheld",
        notes="asks for a greenlet that does not build on 3.11, so it runs with the current one",
    ),
    Server(
        "unicorn",
        unicorn,
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
        puma,
        kind="rack",
        debian="puma",
        program="puma",
        version=("puma", "-V"),
        preload=True,
        notes="Ruby; cluster, one thread a worker",
    ),
    Server(
        "waitress",
        waitress,
        pip=(("waitress",),),
        package="waitress",
        workers=False,
        notes="one thread beside its loop",
    ),
    Server(
        "cheroot",
        embedded("cheroot"),
        pip=(("cheroot",),),
        package="cheroot",
        workers=False,
        notes="one thread beside its loop",
    ),
    Server(
        "gunicorn-sync",
        gunicorn("sync"),
        pip=(("gunicorn",),),
        package="gunicorn",
        modes=CLOSING,
        preload=True,
        notes="has no keep-alive",
    ),
    Server(
        "gunicorn-gthread",
        gunicorn("gthread", "--threads", "1"),
        pip=(("gunicorn",),),
        package="gunicorn",
        preload=True,
        notes="one thread a worker",
    ),
    Server(
        "bare",
        bare,
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
