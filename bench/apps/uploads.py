"""The application of bench/uploads.py: hello, and at /upload the whole request body is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bodies import sink
from hello import application as hello

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """12 bytes, or the number of bytes of the body."""
    return (sink if environ["PATH_INFO"] == "/upload" else hello)(environ, start_response)
