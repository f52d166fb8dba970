"""The smallest applications: 12 bytes with a length, without one, and under twenty headers.

Run by every WSGI server of the bench (bench/workloads.py names them). They do almost nothing, so
the cost is the server's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = b"hello, world"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "12")]
TYPE_ONLY = [("Content-Type", "text/plain")]
TWENTY = [*HEADERS, *((f"X-Bench-Header-{number}", f"value of header {number}") for number in range(18))]


def application(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """12 bytes with Content-Length and Content-Type."""
    start_response("200 OK", HEADERS)
    return [BODY]


def without_length(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same bytes from an iterator: the server cannot compute the length, and chooses the framing."""
    start_response("200 OK", TYPE_ONLY)
    return iter((BODY,))


def twenty_headers(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same bytes under twenty response headers."""
    start_response("200 OK", TWENTY)
    return [BODY]
