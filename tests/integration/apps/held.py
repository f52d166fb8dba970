"""Answers with what it knows of the request, as JSON; under /gate/NAME when the test has opened that gate.

/nap?SECONDS takes that long. The gates are FIFOs in the directory GATES; one that is missing is open.
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


def pass_gate(name: str) -> None:
    with suppress(FileNotFoundError):
        Path(os.environ["GATES"], name).read_bytes()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    number = next(_numbers)  # the how many-th request of this worker
    _, place, *names = environ["PATH_INFO"].split("/")
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
        "digest": hashlib.sha256(body).hexdigest(),
    }
    return [json.dumps(answer).encode()]
