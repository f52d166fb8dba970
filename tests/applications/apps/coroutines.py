"""Patched as its environment says, and then an application as any other."""

import os

PATCH, ARGUMENTS = os.environ["PATCH"].partition(" ")[::2]
if PATCH == "gevent":
    from gevent import monkey

    monkey.patch_all(**eval(f"dict({ARGUMENTS})"))
else:
    import eventlet

    eventlet.monkey_patch(**eval(f"dict({ARGUMENTS})"))

import json  # noqa: E402
import subprocess  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from typing import Any  # noqa: E402


def in_a_thread() -> list[int]:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(os.getpid()))
    thread.start()
    thread.join()
    time.sleep(0.01)
    return found


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    answer: Any = os.getpid()
    if path == "/thread":
        answer = in_a_thread()
    if path == "/child":
        answer = subprocess.run(["sh", "-c", "exit 7"]).returncode
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([answer, len(body)]).encode()]
