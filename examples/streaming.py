"""Server-sent events: every open page shows a note as soon as it is posted.

    rhebok --chdir examples --workers 8 streaming
    curl -N http://127.0.0.1:8000/notes &
    curl -d 'Tea is ready' http://127.0.0.1:8000/notes

An application may wait between two blocks; each block is sent before the next is requested. A stream holds
its worker while it waits, so there must be more workers than streams.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

# The workers are processes, so they share the notes in a file, one per line.
NOTES = os.environ.get("EXAMPLE_NOTES", os.path.join(tempfile.gettempdir(), "rhebok-notes"))

STREAM_FIELDS = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),  # makes nginx pass on each block at once
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
    """One write of one line to a file opened for appending: notes of several workers are not mixed."""
    with open(NOTES, "ab", buffering=0) as notes:
        notes.write(b" ".join(text.split()) + b"\n")


def events() -> Iterator[bytes]:
    """Every note in the file, then every new one. The file is closed when the client disconnects."""
    yield b": welcome\n\n"  # the response head is sent with the first block
    with open(NOTES, "a+b") as notes:
        notes.seek(0)
        for note in follow(notes):
            yield b"data: " + note + b"\n\n" if note else b": still here\n\n"


def follow(notes: BinaryIO) -> Iterator[bytes]:
    """The lines of a growing file, and b"" from time to time, to detect a client that has disconnected."""
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
