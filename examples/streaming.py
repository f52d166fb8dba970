"""Server-sent events: whoever has the page open sees a note as soon as somebody posts it.

    rhebok --chdir examples --workers 8 streaming
    curl -N http://127.0.0.1:8000/notes &
    curl -d 'Tea is ready' http://127.0.0.1:8000/notes

An application may take as long as it likes between two blocks; each goes out before the next is asked for. A
stream holds its worker for as long as it waits, so there must be more workers than streams.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

# The workers are processes: what they share is a file, one note a line.
NOTES = os.environ.get("EXAMPLE_NOTES", os.path.join(tempfile.gettempdir(), "rhebok-notes"))

STREAM_FIELDS = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),  # nginx passes each block on at once
]

POLL_SECONDS = 0.1
HEARTBEAT_POLLS = 100

PAGE = b"""<!doctype html>
<title>Notes</title>
<ul></ul>
<script>
  new EventSource("/notes").onmessage = event => {
    const item = document.createElement("li")
    item.textContent = event.data
    document.querySelector("ul").append(item)
  }
</script>
"""


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/notes":
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]
    if environ["REQUEST_METHOD"] == "POST":
        post(environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []
    start_response("200 OK", STREAM_FIELDS)
    return events()


def post(text: bytes) -> None:
    """One write of one line to a file opened for appending: notes of several workers do not mix."""
    with open(NOTES, "ab", buffering=0) as notes:
        notes.write(b" ".join(text.split()) + b"\n")


def events() -> Iterator[bytes]:
    """Every note there is, then every new one. The file is closed when the client goes away."""
    yield b": welcome\n\n"  # the response's head goes out with the first block
    with open(NOTES, "a+b") as notes:
        notes.seek(0)
        for note in follow(notes):
            yield b"data: " + note + b"\n\n" if note else b": still here\n\n"


def follow(notes: BinaryIO) -> Iterator[bytes]:
    """The lines of a growing file; b"" now and then, so that a client that has left is noticed."""
    quiet = 0
    while True:
        line = notes.readline()
        quiet = 0 if line else quiet + 1
        if line:
            yield line.rstrip(b"\n")
        elif quiet % HEARTBEAT_POLLS == 0:
            yield b""
        else:
            time.sleep(POLL_SECONDS)
