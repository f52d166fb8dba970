"""The memory that the workers of a master have in common, as long as none of them writes to it. Called by
master, before the first fork.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from rhebok.listening.listeners import Listener
from rhebok.native import thread_stacks
from rhebok.process import heap
from rhebok.process.log_stream import ErrorLog
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from rhebok.native.preparation import Preparation
    from rhebok.settings.table import Settings


def prepare_native(settings: Settings, listeners: Sequence[Listener], log: ErrorLog) -> Preparation | None:
    """The part of a native worker that is the same in all of them. None: what these settings need is a
    descriptor, or random numbers that must not be the same in two processes."""
    if settings.request_id is not None or settings.sendfile_root:
        return None
    from rhebok.native.preparation import Preparation  # late: who lacks the compiled part is told so before

    return Preparation(
        listeners, settings, errors=log.stream, logger=log.logger, multiprocess=settings.workers > 1
    )


def settle() -> None:
    """The application is loaded, and leaves no garbage. What follows is made for the workers."""
    thread_stacks.prepare()
    gc.collect()
    heap.give_back()
