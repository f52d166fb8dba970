"""Every way in which a response leaves, in the size that the query asks for; of bodies the checksum."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

BLOCK = bytes(range(256)) * 64
TEXT = [("Content-Type", "text/plain")]


def blocks(size: int) -> Iterator[bytes]:
    for at in range(0, size, len(BLOCK)):
        yield BLOCK[: size - at]


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    size = int(environ["QUERY_STRING"] or 16)
    path = environ["PATH_INFO"]
    if path == "/checksum":
        start_response("200 OK", TEXT)
        return [b"%08x" % zlib.crc32(environ["wsgi.input"].read())]
    if path == "/file":
        file = TemporaryFile()  # noqa: SIM115 (closed by the server, through the wrapper)
        file.writelines(blocks(size))
        file.seek(0)
        start_response("200 OK", TEXT)
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    if path == "/write":
        write = start_response("200 OK", [*TEXT, ("Content-Length", str(size))])
        for block in blocks(size):
            write(block)
        return []
    start_response("200 OK", TEXT)
    return blocks(size) if path == "/generator" else list(blocks(size))
