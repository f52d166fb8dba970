"""Answers with what it knows of the request, as JSON; under /gate/NAME when the test has opened that gate.

/nap?SECONDS takes that long. /fork forks, and tells how many threads Python counts then. /echo takes the
socket over, says which worker has it, and sends everything back in capitals until the client has finished.
The gates are FIFOs in the directory GATES; one that is missing is open.
"""

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

_numbers = itertools.count()
_threads_at_fork: list[int] = []


def count_threads() -> None:
    _threads_at_fork.append(len(os.listdir("/proc/self/task")))


os.register_at_fork(after_in_parent=count_threads)  # before that of the worker, so it is called first


def pass_gate(name: str) -> None:
    with suppress(FileNotFoundError):
        Path(os.environ["GATES"], name).read_bytes()


def fork() -> None:
    _threads_at_fork.clear()  # of the master's, when it has loaded this
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    count_threads()


def echo(environ: dict[str, Any]) -> Iterable[bytes]:
    with environ["rhebok.socket"] as sock:
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
        sock.sendall(b"%d\r\n" % os.getpid())
        while data := sock.recv(65536):
            sock.sendall(data.upper())
    return []


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    number = next(_numbers)  # the how many-th request of this worker
    _, place, *names = environ["PATH_INFO"].split("/")
    if place == "echo":
        return echo(environ)
    if place == "fork":
        fork()
    if place == "gate":
        pass_gate(names[0])
    if place == "nap":
        time.sleep(float(environ["QUERY_STRING"].partition("&")[0]))
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = {
        "pid": os.getpid(),
        "number": number,
        "query": environ["QUERY_STRING"],
        "peer": [environ.get("REMOTE_ADDR"), environ.get("REMOTE_PORT")],
        "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
        "threads": _threads_at_fork,
        "digest": hashlib.sha256(body).hexdigest(),
    }
    return [json.dumps(answer).encode()]
