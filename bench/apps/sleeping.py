"""The application of `python -m bench queue`: /sleep/MS sleeps so long, and every response is the pid."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Sleeps for the last part of the path, in milliseconds."""
    milliseconds = environ["PATH_INFO"].rpartition("/")[2]
    if milliseconds.isdigit():
        time.sleep(int(milliseconds) / 1000)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
