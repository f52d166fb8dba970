"""Which exit handlers (atexit) run in a forked worker: those that it registered itself.

Called by serving/worker_end.py. What the parent registered before the fork is about what the parent has, a
directory or a process, and runs at the parent's end. Some libraries, however, have a buffer in each process
and register the handler that writes it when they are imported. Their handlers run in the workers too.
"""

import atexit
import sys
import weakref
from typing import Any

# Packages whose handlers belong to each process. weakref and multiprocessing skip what another process made.
IN_EACH_PROCESS = (
    "logging", "weakref", "multiprocessing", "concurrent",
    "coverage", "opentelemetry", "logfire", "sentry_sdk", "newrelic", "ddtrace", "elasticapm", "scout_apm",
    "bugsnag", "rollbar", "posthog",
)  # fmt: skip


class _OfTheParent:
    """Equal to each handler that stays with the parent: atexit.unregister() compares; nothing lists them."""

    def __eq__(self, handler: object) -> bool:
        return not runs_in_each_process(handler)

    __hash__ = None  # type: ignore[assignment]


def runs_in_each_process(handler: Any) -> bool:
    """Whether the handler is one of IN_EACH_PROCESS."""
    while hasattr(handler, "func"):  # functools.partial
        handler = handler.func
    package = str(getattr(handler, "__module__", None) or "").partition(".")[0]
    return package in IN_EACH_PROCESS


def leave_to_parent() -> None:
    """Right after the fork, in the child: takes away the handlers and finalizers that are the parent's."""
    atexit.unregister(_OfTheParent())  # type: ignore[arg-type]
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # of a temporary directory, for example
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes._children = set()  # type: ignore[attr-defined]  # as multiprocessing does in its own children
