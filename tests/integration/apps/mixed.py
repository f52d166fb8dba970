"""Every way to answer, some of them from threads of the application's own."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_threads = ThreadPoolExecutor(4)


def hello(_environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    start()
    return [b"hello world!"]


def generator(_environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    start()
    for _ in range(5):
        yield b"x" * 3000


def large(_environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    """More than a socket takes at once."""
    start()
    return [b"y" * 200_000, b"z" * 300_000]


def write(_environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    """By write() of another thread, which is waited for."""
    _threads.submit(start(), b"w" * 20_000).result()
    return [b"end"]


def late(environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    """Another thread calls while this one returns; it may be refused, and does no harm."""
    write, early_hints = start(), environ["wsgi.early_hints"]
    _threads.submit(lambda: (early_hints([("Link", "</a>")]), write(b"")))
    return [b"late"]


def kept(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """For the shared cache, for a second; the query makes many of it."""
    start(("Cache-Control", "max-age=1"), ("Cache-Tag", environ["QUERY_STRING"][:1]))
    return [b"k" * 20_000]


def named(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """A file that the server sends."""
    start(("X-Sendfile", os.path.abspath("files/large.txt")))
    return [b"not this"]


def length(environ: dict[str, Any], start: Callable[[], Any]) -> Iterable[bytes]:
    received = environ["wsgi.input"].read()
    start()
    return [str(len(received)).encode()]


def unknown(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """What hostile clients ask for."""
    environ["wsgi.input"].read()
    start(status="404 Not Found")
    return [b"unknown"]


ANSWERS: dict[str, Callable[..., Iterable[bytes]]] = {
    f"/{answer.__name__}": answer for answer in (hello, generator, large, write, late, kept, named, length)
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    def start(*fields: tuple[str, str], status: str = "200 OK") -> Any:
        return start_response(status, [("Content-Type", "text/plain"), *fields])

    return ANSWERS.get(environ["PATH_INFO"], unknown)(environ, start)
