"""Applications that gevent or eventlet has patched. Called by master and worker.

All that rhebok uses of the patched modules is bound when rhebok itself is imported, before the application.
Here is what is left: several threads that would be none, and the state that these libraries have in each
process.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from rhebok.records import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from typing import Any

    from rhebok.settings.table import Settings


def patched_threads() -> str:
    """The library that has replaced threads in this process, or ""."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent and gevent.is_module_patched("threading"):
        return "gevent"
    if eventlet and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return ""


def without_threads(settings: Settings) -> tuple[Settings, str]:
    """The settings that work in this process, and a warning if these are others."""
    library = patched_threads() if settings.threads > 1 else ""
    if not library:
        return settings, ""
    return replace(settings, threads=1), (
        f"--threads {settings.threads} does not work here: {library} has replaced threads by coroutines, "
        "which would wait for each other in the server; each worker serves one request at a time"
    )


def have_event_loops() -> bool:
    """Whether renew_after_fork() is needed in the children of this process."""
    return not sys.modules.keys().isdisjoint(("gevent.hub", "eventlet.hubs"))


def renew_after_fork() -> None:
    """In a new worker, when the master has loaded the library: an event loop is not to be shared."""
    gevent, eventlet = sys.modules.get("gevent.hub"), sys.modules.get("eventlet.hubs")
    with suppress(Exception):
        if gevent:
            _renew_gevent(gevent)
        if eventlet and getattr(eventlet._threadlocal, "hub", None):
            eventlet.use_hub()


def _renew_gevent(gevent: Any) -> None:
    """As its own os.fork() does, which is not used here. The engine has taken the handler of SIGCHLD away."""
    gevent.reinit()
    if gevent._get_hub() is not None:
        gevent.get_hub().loop.install_sigchld()
