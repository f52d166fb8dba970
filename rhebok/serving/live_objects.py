"""Checks that a drained worker has freed all native objects. Called by worker.

Only debug builds count them (RHEBOK_DEBUG=1). Each worker then appends a line to the file that
REPORT_VARIABLE names, so that a test run knows which workers were checked.
"""

import gc
import logging
import os

REPORT_VARIABLE = "RHB_LIVE_OBJECTS_REPORT"


def all_gone(log: logging.Logger) -> bool:
    """Whether all native objects were freed. Always true in an ordinary build, which does not count them."""
    from rhebok.native.worker import live_objects  # late: a process without a worker needs no compiled module

    gc.collect()
    alive = live_objects()
    if set(alive.values()) == {-1}:
        return True
    _report(alive)
    left = {kind: count for kind, count in alive.items() if count}
    if left:
        log.error("the worker has drained, but these objects are still alive: %s", left)
    return not left


def _report(alive: dict[str, int]) -> None:
    path = os.environ.get(REPORT_VARIABLE)
    if path is None:
        return
    import json

    line = json.dumps({"pid": os.getpid(), "alive": alive}) + "\n"
    report = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(report, line.encode())
    finally:
        os.close(report)
