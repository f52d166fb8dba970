"""The smallest application. `make run` serves it, and so does

    rhebok --chdir examples hello

at http://127.0.0.1:8000/
"""

from collections.abc import Callable, Iterable
from typing import Any


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    # A list: Rhebok computes its Content-Length, and sends head and body with one system call.
    return [b"Hello, World!\n"]
