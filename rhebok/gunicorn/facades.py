"""`server` and `worker`, as hooks see them: the attributes of gunicorn's arbiter and worker that files use.

Made by hooks.GunicornHooks. A hook may set further attributes; a worker has what was set before its fork.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rhebok import __version__
from rhebok.gunicorn.cfg import GunicornConfig

ACCESS_LOGGER = "gunicorn.access"
BOOTING = "[booting]"  # the pid of a worker before its fork


class Log:
    """log: what gunicorn's logger has. Lines go to the error log."""

    def __init__(self, logger: logging.Logger, cfg: GunicornConfig) -> None:
        self.cfg = cfg
        self.error_log = logger
        self.access_log = logging.getLogger(ACCESS_LOGGER)
        self.critical = logger.critical
        self.error = logger.error
        self.warning = logger.warning
        self.info = logger.info
        self.debug = logger.debug
        self.exception = logger.exception
        self.log = logger.log

    @property
    def loglevel(self) -> int:
        return self.error_log.level

    def access(self, *_arguments: Any) -> None:
        """Nothing: the server writes the access log itself."""

    def reopen_files(self) -> None:
        """Nothing: files are opened again when they have been renamed."""

    def close_on_exec(self) -> None:
        """Nothing: no program that is started gets the files."""


class App:
    """server.app and worker.app."""

    def __init__(self, cfg: GunicornConfig, load: Callable[[], Any]) -> None:
        self.cfg = cfg
        self.app_uri = cfg.wsgi_app
        self.callable: Any = None
        self._load = load

    def wsgi(self) -> Any:
        """The WSGI application. Before it is loaded, this loads it."""
        if self.callable is None:
            self.callable = self._load()
        return self.callable


class ListeningSocket:
    """Of server.LISTENERS and worker.sockets: what a socket has, and what gunicorn's has beyond that."""

    def __init__(self, listener: Any) -> None:
        """listener: rhebok's, which has it open."""
        self._listener = listener
        self.sock = listener.socket

    @property
    def cfg_addr(self) -> Any:
        return self.sock.getsockname()

    def close(self) -> None:
        self._listener.close()

    def __str__(self) -> str:
        return str(self._listener.name)

    def __getattr__(self, name: str) -> Any:
        if name == "sock":  # as in copy.copy(), before there is one
            raise AttributeError(name)
        return getattr(self.sock, name)


class Server:
    """server: the master of a generation."""

    def __init__(self, cfg: GunicornConfig, log: Log, load: Callable[[], Any]) -> None:
        self.cfg = cfg
        self.log = log
        self.app = App(cfg, load)
        self.pid = os.getpid()
        self.address = cfg.address
        self.proc_name = cfg.proc_name
        self.timeout = cfg.timeout
        self.worker_class = Worker
        self.worker_age = 0
        self.num_workers = cfg.workers
        self.LISTENERS: Sequence[Any] = []
        self.WORKERS: dict[int, Worker] = {}
        self.START_CTX = {"args": [sys.executable, *sys.argv], "cwd": os.getcwd(), 0: sys.executable}
        self.master_pid = 0
        self.master_name = "Master"
        self.reexec_pid = 0
        self.systemd = False
        self.pidfile = None

    def __repr__(self) -> str:
        return f"<rhebok {__version__}, master {self.pid}>"


class Worker:
    """worker: made in the master before the fork, so that both have one."""

    def __init__(self, server: Server) -> None:
        self.age = server.worker_age
        self.pid: Any = BOOTING
        self.ppid = server.pid
        self.sockets = server.LISTENERS
        self.app = server.app
        self.wsgi: Any = None
        self.address = server.address
        self.timeout = server.timeout / 2
        self.cfg = server.cfg
        self.log = server.log
        self.booted = False
        self.aborted = False
        self.reloader = None
        self.max_requests = server.cfg.max_requests or sys.maxsize
        self._alive = True
        self._requests: Callable[[], int] = int  # 0 in the master
        self._retire: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        return f"<Worker {self.pid}>"

    @property
    def nr(self) -> int:
        """Requests so far."""
        return self._requests()

    @property
    def alive(self) -> bool:
        """Whether it is to serve on. A hook that sets it to False lets the worker be replaced."""
        return self._alive

    @alive.setter
    def alive(self, value: bool) -> None:
        if self._alive and not value:
            self._retire()
        self._alive = value

    def notify(self) -> None:
        """Nothing: a worker shows that it lives by itself."""

    # For GunicornHooks

    def enter(self, requests: Callable[[], int], retire: Callable[[], None]) -> None:
        """In the worker, after the fork."""
        self.pid = os.getpid()
        self._requests, self._retire = requests, retire

    def count_by(self, requests: Callable[[], int]) -> None:
        self._requests = requests

    def stops(self) -> None:
        """It has been told to."""
        self._alive = False
