"""Which exit handlers (atexit) run in a forked worker: those that it registered itself.

Called by serving/worker_end.py. What the parent registered before the fork is about what the parent has, a
directory or a process, and runs at the parent's end. Some libraries, however, have a buffer in each process
and register the handler that writes it when they are imported. Their handlers run in the workers too.
"""

from __future__ import annotations

import atexit
import functools
import sys
import weakref

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Packages whose handlers belong to each process.
IN_EACH_PROCESS = (
    "coverage", "opentelemetry", "logfire", "langfuse", "sentry_sdk", "newrelic", "ddtrace", "elasticapm",
    "scout_apm", "bugsnag", "honeybadger", "rollbar", "posthog",
)  # fmt: skip

# Of the standard library, and of what is a copy of it, only the handlers that skip what another process made.
# Others, such as QueueListener.stop and Process.terminate, are the application's, about what the parent has.
EXACTLY = (
    ("logging", "shutdown"),
    ("weakref", "finalize._exitfunc"),
    ("multiprocessing.util", "_exit_function"),
    ("multiprocess.util", "_exit_function"),
)


class _OfTheParent:
    """Equal to each handler that stays with the parent: atexit.unregister() compares; nothing lists them."""

    def __eq__(self, handler: object) -> bool:
        return not runs_in_each_process(handler)

    __hash__ = None  # type: ignore[assignment]


def runs_in_each_process(handler: Any) -> bool:
    """Whether the handler is one of EXACTLY or belongs to IN_EACH_PROCESS."""
    while (
        type(handler) is functools.partial
    ):  # isinstance() and hasattr() of a foreign object may run anything
        handler = handler.func
    try:
        module, name = str(handler.__module__), str(getattr(handler, "__qualname__", None))
    except Exception:  # a proxy without its object, for example
        return False
    return (module, name) in EXACTLY or module.partition(".")[0] in IN_EACH_PROCESS


def leave_to_parent() -> None:
    """Right after the fork, in the child: takes away the handlers and finalizers that are the parent's."""
    atexit.unregister(_OfTheParent())  # type: ignore[arg-type]
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # of a temporary directory, for example
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes._children = set()  # type: ignore[attr-defined]  # as multiprocessing does in its own children
