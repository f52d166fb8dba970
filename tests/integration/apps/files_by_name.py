"""Names a file for the server to send: the query of the request has the fields of the response."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, encoding="latin-1"))
    how = query.pop("how", "list")
    status = query.pop("status", "200 OK")
    headers = [("X-Own", "kept"), ("Content-Length", "4"), *query.items()]
    if how == "late":
        return late(status, headers, start_response)
    write = start_response(status, headers)
    if how == "write":
        write(b"bo")
        write(b"dy")
        return []
    return iter([b"bo", b"dy"]) if how == "iterator" else [b"body"]


def late(status: str, headers: list[tuple[str, str]], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """A generator calls start_response() only when it is asked for its first block."""
    start_response(status, headers)
    yield b"body"
