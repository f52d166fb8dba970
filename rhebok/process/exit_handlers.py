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


class _Seen:
    """atexit.unregister() compares each handler with it; nothing else lists them. Is equal to those of the
    parent, or, when it only looks, to none."""

    def __init__(self, takes_away: bool) -> None:
        self.of_parent: list[Any] = []
        self._takes_away = takes_away

    def __eq__(self, handler: object) -> bool:
        if runs_in_each_process(handler):
            return False
        self.of_parent.append(handler)
        return self._takes_away

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


class ParentsHandlers:
    """What stays with the parent. Made there before the fork, since the child pays with memory for what it
    looks at (bare_signals.py)."""

    def __init__(self) -> None:
        seen = _Seen(takes_away=False)
        atexit.unregister(seen)  # type: ignore[arg-type]
        self.handlers, self.count = seen.of_parent, atexit._ncallbacks()
        self.finalizers: dict[Any, Any] = weakref.finalize._registry  # type: ignore[attr-defined]
        self.alone = "multiprocessing.process" not in sys.modules

    def leave(self) -> None:
        """Right after the fork, in the child: takes away the handlers and finalizers that are the parent's.

        To unregister `handlers` is enough while there are `count` of them, no `finalizers`, and it is `alone`
        (rhebok.native.first_steps). Otherwise the fork itself has registered some (os.register_at_fork).
        """
        atexit.unregister(_Seen(takes_away=True))  # type: ignore[arg-type]
        for finalizer in list(self.finalizers):
            finalizer.atexit = False  # of a temporary directory, for example
        processes = sys.modules.get("multiprocessing.process")
        if processes is not None:
            processes._children = set()  # type: ignore[attr-defined]  # as multiprocessing does in its own children
