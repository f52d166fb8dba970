"""Answers with its pid; on some paths only when the test has opened the gate (integration.gate)."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

EVENTS = 3


def pass_gate() -> None:
    """Opening a FIFO waits for its writer, reading it for the writer's end."""
    with open(os.environ["GATE"], "rb") as gate:
        gate.read()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/events":
        start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")])
        return events()
    if path == "/gate":
        pass_gate()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]


def events() -> Iterator[bytes]:
    for number in range(EVENTS):
        if number > 0:
            pass_gate()
        yield b"data: %d\n\n" % number
