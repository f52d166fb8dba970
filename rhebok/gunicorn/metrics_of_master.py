"""The files of a master in the directory of prometheus_client's multiprocess mode. Called by hooks.

gunicorn's child_exit marks dead workers only, and that is enough there: its master rarely loads the
application, and lives on at a HUP. Here each deploy ends a master, whose live gauges would count for ever.
"""

import importlib
import os
from contextlib import suppress

VARIABLES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")


def forget(pid: int) -> None:
    """The master of this pid is dead, or ends now. Without prometheus_client this does nothing."""
    if not any(os.environ.get(name) for name in VARIABLES):
        return
    with suppress(ImportError, OSError):
        importlib.import_module("prometheus_client.multiprocess").mark_process_dead(pid)
