"""Applications whose cost is the body: received, or sent whole, in chunks or as a file.

Run by every WSGI server of the bench (bench/workloads.py names them).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATTERN = b"0123456789abcdef" * 4  # 64 bytes
BODY_64K = PATTERN * 1024
BODY_1M = PATTERN * 16384
CHUNK = PATTERN * 2
CHUNKS = 100
BLOCK = 65536


def sink(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Reads the whole request body and responds with its number of bytes."""
    stream = environ["wsgi.input"]
    left = int(environ.get("CONTENT_LENGTH") or 0)
    received = 0
    while left and (block := stream.read(min(left, BLOCK))):
        left -= len(block)
        received += len(block)
    answer = str(received).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def cached_2k(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """2 KB that a cache may keep."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "public, max-age=86400")])
    return [BODY_64K[:2048]]


def cached_200k(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """200 KB that a cache may keep."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "public, max-age=86400")])
    return [BODY_1M[:204800]]


def body_64k(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """64 KiB in one block."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "65536")])
    return [BODY_64K]


def body_1m(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """1 MiB in one block."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1048576")])
    return [BODY_1M]


def chunks_100(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """A generator of 100 blocks of 128 bytes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(CHUNKS):
        yield CHUNK


def read_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file in blocks, for servers that offer no wsgi.file_wrapper."""
    with file:
        while block := file.read(BLOCK):
            yield block


def file_1m(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A file of 1 MiB (RHEBOK_BENCH_FILE, written by the bench) by wsgi.file_wrapper."""
    file = open(os.environ["RHEBOK_BENCH_FILE"], "rb")  # noqa: SIM115 - the server closes it
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1048576")])
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(file, BLOCK) if wrapper is not None else read_blocks(file)
