"""Runs a WSGI server that has no command line of its own: `embedded.py SERVER ADDRESS WORKERS MODULE:APP`.

bench/servers.py starts it as a script, in the directory of the applications. Workers share the listener
that their parent opened; the parent only waits for them.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

Address = tuple[str, int] | str


def fork_workers(count: int, serve: Callable[[], None]) -> None:
    """With one worker this process serves; with several it forks them and waits."""
    if count == 1:
        serve()
        return
    children = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            serve()
            os._exit(0)
        children.append(pid)

    def pass_on(number: int, _frame: object) -> None:
        for pid in children:
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    for pid in children:
        os.waitpid(pid, 0)


def bjoern(address: Address, workers: int, app: Any) -> None:
    """bjoern: listen once, run in each worker."""
    server: Any = importlib.import_module("bjoern")

    where = (f"unix:{address}",) if isinstance(address, str) else address
    server.listen(app, *where, listen_backlog=1024)
    fork_workers(workers, server.run)


def listen_unix(path: str) -> int:
    """A listening unix socket, as a descriptor that is never closed."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1024)
    listener.setblocking(False)
    return listener.detach()


def meinheld(address: Address, workers: int, app: Any) -> None:
    """meinheld: its own loop, keep-alive switched on."""
    server: Any = importlib.import_module("meinheld.server")

    server.set_access_logger(None)
    server.set_keepalive(75)
    server.set_backlog(1024)
    if isinstance(address, str):  # its listen() does not accept a path on this Python, but a descriptor
        server.set_listen_socket(listen_unix(address))
    else:
        server.listen(address)
    fork_workers(workers, lambda: server.run(app))


def fastwsgi(address: Address, workers: int, app: Any) -> None:
    """fastwsgi: TCP only, forks its workers itself."""
    server: Any = importlib.import_module("fastwsgi")

    if isinstance(address, str):
        raise SystemExit("fastwsgi has no unix sockets")
    server.run(app, address[0], address[1], server.LL_ERROR, workers)


def cheroot(address: Address, workers: int, app: Any) -> None:
    """cheroot: one thread beside the loop, one process."""
    if workers != 1:
        raise SystemExit("cheroot has one process")
    server = importlib.import_module("cheroot.wsgi").Server(
        address, app, numthreads=1, request_queue_size=1024, timeout=75
    )
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.start()


RUNNERS = {"bjoern": bjoern, "meinheld": meinheld, "fastwsgi": fastwsgi, "cheroot": cheroot}


def parse_address(text: str) -> Address:
    """unix:PATH or HOST:PORT."""
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    host, _, port = text.rpartition(":")
    return host, int(port)


def main(arguments: list[str]) -> None:
    """Loads the application and serves until a signal."""
    name, address, workers, target = arguments
    module, _, attribute = target.partition(":")
    sys.path[0] = os.getcwd()  # this file's directory is not the application's
    app = getattr(importlib.import_module(module), attribute)
    RUNNERS[name](parse_address(address), int(workers), app)


if __name__ == "__main__":
    main(sys.argv[1:])
