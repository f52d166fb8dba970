"""Debug builds only (RHEBOK_DEBUG=1): a drained worker has let go of all native objects. Called by worker.

The file that REPORT_VARIABLE names gets a line from each worker, so that a test run knows what was looked at.
"""

import gc
import json
import logging
import os

REPORT_VARIABLE = "RHB_LIVE_OBJECTS_REPORT"


def all_gone(log: logging.Logger) -> bool:
    """Whether nothing is left alive; always true in an ordinary build, which does not count."""
    from rhebok.native.worker import live_objects  # late: whoever needs no worker needs no compiled module

    gc.collect()
    alive = live_objects()
    if min(alive.values()) < 0:
        return True
    _report(alive)
    left = {kind: count for kind, count in alive.items() if count > 0}
    if left:
        log.error("the worker has drained, but these are still alive: %s", left)
    return not left


def _report(alive: dict[str, int]) -> None:
    path = os.environ.get(REPORT_VARIABLE)
    if path is None:
        return
    line = json.dumps({"pid": os.getpid(), "alive": alive}) + "\n"
    report = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(report, line.encode())
    finally:
        os.close(report)
