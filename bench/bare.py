"""The application called in a loop without a server: `bare.py MODULE:APP MIX SECONDS`.

Started by bench/run.py; prints one line of JSON with the number of calls and their CPU time. The cost of
a server is its total minus this.
"""

from __future__ import annotations

import importlib
import io
import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

BASE = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "127.0.0.1:8000",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
FORM = b"title=From+wrk&body=A+note+of+the+bench"
PAGE: dict[str, Any] = {"PATH_INFO": "/"}
LIST: dict[str, Any] = {"PATH_INFO": "/notes"}
INSERT: dict[str, Any] = {
    "PATH_INFO": "/notes",
    "REQUEST_METHOD": "POST",
    "CONTENT_TYPE": "application/x-www-form-urlencoded",
    "CONTENT_LENGTH": str(len(FORM)),
}
# The same rotations as bench/wrk.lua.
MIXES = {"": [PAGE], "notes": [*[PAGE, PAGE, LIST] * 3, PAGE, PAGE, INSERT]}

WARM_UP_CALLS = 200
CALLS_BETWEEN_CHECKS = 20  # of the clock


def write(_data: bytes) -> None:
    """The callable that start_response returns."""


def start_response(
    _status: str, _headers: list[tuple[str, str]], _exc_info: object = None
) -> Callable[[bytes], None]:
    """Takes the head and does nothing with it."""
    return write


def call(app: Any, request: dict[str, Any]) -> None:
    """One request as a server makes it: a fresh environ, the body consumed, close() called."""
    environ = BASE | request
    environ["wsgi.input"] = io.BytesIO(FORM if "CONTENT_LENGTH" in request else b"")
    result: Iterable[bytes] = app(environ, start_response)
    for _ in result:
        pass
    if hasattr(result, "close"):
        result.close()


def turns(seconds: float) -> Iterator[int]:
    """Counts calls until the time is up."""
    end = time.monotonic() + seconds
    for number in itertools.count():
        if number % CALLS_BETWEEN_CHECKS == 0 and time.monotonic() >= end:
            return
        yield number


def measure(app: Any, requests: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    """Calls the application for that long. Returns the number of calls and their CPU time."""
    before, started, calls = resource.getrusage(resource.RUSAGE_SELF), time.process_time(), 0
    for number in turns(seconds):
        call(app, requests[number % len(requests)])
        calls += 1
    spent, after = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    share = user / (user + system) if user + system else 1.0
    return {"requests": calls, "cpu": spent, "user": spent * share, "system": spent * (1 - share)}


def main(arguments: list[str]) -> None:
    """Loads, warms up, measures, prints."""
    target, mix, seconds = arguments
    module, _, attribute = target.partition(":")
    sys.path[0] = os.getcwd()  # this file's directory is not the application's
    app = getattr(importlib.import_module(module), attribute)
    for number in range(WARM_UP_CALLS):
        call(app, MIXES[mix][number % len(MIXES[mix])])
    print(json.dumps(measure(app, MIXES[mix], float(seconds))))


if __name__ == "__main__":
    main(sys.argv[1:])
