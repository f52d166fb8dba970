"""Every kind of response that PEP 3333 knows, one a path. `checked` is the same behind a validator."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any
from wsgiref.validate import validator

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]

TEXT = [("Content-Type", "text/plain; charset=utf-8")]
PARTS = [b"one ", b"two ", b"three"]
WHOLE = b"".join(PARTS)
LENGTH = [*TEXT, ("Content-Length", str(len(WHOLE)))]


class Closing:
    """An iterable of PARTS that counts its close() in the log."""

    def __init__(self, errors: Any) -> None:
        self._errors = errors

    def __iter__(self) -> Iterator[bytes]:
        return iter(PARTS)

    def close(self) -> None:
        self._errors.write("iterable closed\n")
        self._errors.flush()


def as_list(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    return list(PARTS)


def as_list_with_length(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(LENGTH))
    return list(PARTS)


def as_tuple(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    return tuple(PARTS)


def as_generator(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    yield from PARTS


def as_generator_with_length(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(LENGTH))
    yield from PARTS


def as_closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    return Closing(environ["wsgi.errors"])


def with_empty_blocks(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    yield b""
    yield WHOLE
    yield b""


def as_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    file = TemporaryFile()  # noqa: SIM115 (closed by the server, through the wrapper)
    file.write(b"not this " + WHOLE)
    file.seek(len(b"not this "))
    start_response("200 OK", list(TEXT))
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


def by_write(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", list(TEXT))
    for part in PARTS[:-1]:
        write(part)
    return PARTS[-1:]


def replaced(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT, ("X-Broken", "yes")])
    try:
        raise LookupError("nothing has been sent yet")
    except LookupError:
        start_response("404 Not Found", list(TEXT), sys.exc_info())
    return list(PARTS)


def nothing(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(TEXT))
    return []


def no_content(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def not_modified(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("304 Not Modified", [("ETag", '"1"')])
    return []


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The request body, read in every way that there is."""
    body = environ["wsgi.input"]
    read = [body.readline(), body.read(3), *body.readlines(), *body, body.read(1)]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [b"".join(read)]


def show_environ(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What of the environ is text, and where it was made."""
    shown = {key: value for key, value in environ.items() if isinstance(value, str | bool)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**shown, "pid": os.getpid(), "argv": sys.argv}).encode()]


KINDS: dict[str, Callable[[Environ, StartResponse], Iterable[bytes]]] = {
    "list": as_list,
    "list-with-length": as_list_with_length,
    "tuple": as_tuple,
    "generator": as_generator,
    "generator-with-length": as_generator_with_length,
    "closing": as_closing,
    "empty-blocks": with_empty_blocks,
    "file": as_file,
    "write": by_write,
    "replaced": replaced,
    "nothing": nothing,
    "no-content": no_content,
    "not-modified": not_modified,
    "echo": echo,
    "environ": show_environ,
}


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return KINDS[environ["PATH_INFO"].strip("/") or "list"](environ, start_response)


checked = validator(application)
