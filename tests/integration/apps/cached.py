"""Answers that may be stored, but for /plain and /gate-plain. /gate waits at a gate, unless that is missing.
/breaks sends a part of its body, waits there, and raises.

Each call appends its path to the file `calls`. ?size=BYTES is the size of the body, ?tag=TAG its Cache-Tag.
With ?yields=1 the body is yielded, and has a Content-Length, as frameworks do it.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

CALLS = "calls"


def wait_at_gate() -> None:
    with suppress(FileNotFoundError), open(os.environ["GATE"], "rb") as gate:
        gate.read()


def broken_body() -> Iterator[bytes]:
    yield b"begins"
    wait_at_gate()
    raise ValueError("in the middle of the body")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    asked = parse_qs(environ["QUERY_STRING"])
    with open(CALLS, "ab", buffering=0) as calls:
        calls.write(f"{path}\n".encode())
    if path.startswith("/gate"):
        wait_at_gate()
    fields = [("Content-Type", "text/plain"), ("Pid", str(os.getpid()))]
    if path not in ("/plain", "/gate-plain"):
        fields.append(("Cache-Control", "public, max-age=600"))
    fields += [("Cache-Tag", tag) for tag in asked.get("tag", [])]
    size = int(asked.get("size", ["20"])[0])
    body = [path.encode().ljust(size, b".")]
    if "yields" in asked:
        fields.append(("Content-Length", str(size)))
    start_response("200 OK", fields)
    if path == "/breaks":
        return broken_body()
    return iter(body) if "yields" in asked else body
