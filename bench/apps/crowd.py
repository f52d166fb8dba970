"""The application of bench/crowd.py: hello, and at /big more than a socket takes at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hello import application as hello

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BLOCK = b"x" * 65536
BLOCKS = 64


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """12 bytes, or 4 MiB that all clients share."""
    if environ["PATH_INFO"] != "/big":
        return hello(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BLOCK) * BLOCKS))])
    return [BLOCK] * BLOCKS
