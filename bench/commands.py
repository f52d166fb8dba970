"""How each server is started: functions from a Launch to a command. bench/servers.py has the table of them.

Each has the configuration that costs it least: one worker, one thread, access log off, its own recommended
socket options.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import nginx_config
from bench.paths import BENCH, FILE_1M, FLOOR, STATIC
from bench.process import Address
from bench.workloads import Workload, fixed_answer


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
    options += ["--workers", str(launch.workers)]
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


def where_to_listen(launch: Launch, unix: str) -> list[str]:
    """For servers that take host and port apart. unix: their option for a path."""
    return [unix, launch.path] if launch.path else ["--host", "127.0.0.1", "--port", str(launch.address[1])]


def granian(launch: Launch) -> list[str]:
    """granian with one thread of each kind."""
    where = where_to_listen(launch, "--uds")
    threads = ["--workers", str(launch.workers), "--blocking-threads", "1", "--runtime-threads", "1"]
    protocol = ["--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "warning"]
    return [script("granian"), *where, *threads, *protocol, launch.app]


def peregrine(launch: Launch) -> list[str]:
    """peregrine with one thread for the application."""
    where = where_to_listen(launch, "--unix")
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
