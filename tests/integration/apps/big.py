"""Eight megabytes as a list, from a generator, from a file; otherwise something small."""

from collections.abc import Callable, Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any

BLOCK = bytes(range(256)) * 256
BLOCKS = 128
SIZE = len(BLOCK) * BLOCKS


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    if path == "/list":
        return [BLOCK] * BLOCKS
    if path == "/generator":
        return blocks()
    if path == "/file":
        file = TemporaryFile()  # noqa: SIM115 (closed by the server, through the wrapper)
        file.writelines(blocks())
        file.seek(0)
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    return [environ["wsgi.input"].read() or b"small"]


def blocks() -> Iterator[bytes]:
    for _ in range(BLOCKS):
        yield BLOCK
