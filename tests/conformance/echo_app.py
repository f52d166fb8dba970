"""The application under test: it answers every request with what it was given, as JSON, so that the runner
can compare. Started by servers.py as `echo_app:application`, under any WSGI server."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

PLAIN = (str, bool)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    seen = {
        "environ": {key: value for key, value in environ.items() if isinstance(value, PLAIN)},
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "start": body[:200].decode("latin-1"),
        "pid": os.getpid(),
    }
    answer = json.dumps(seen).encode("ascii")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
