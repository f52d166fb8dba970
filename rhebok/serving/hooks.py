"""The hooks of the configuration, and their arguments. Loaded by master and worker.

before_fork(master)         in the master, before each fork
after_fork(worker)          in the worker, before it serves
on_child_reap(pid, status)  in the master; a negative status is the signal that ended the worker. The last
                            call is for the master itself, right before its end
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from rhebok.serving.app_loading import load_function
from rhebok.settings.table import Settings


@dataclass(frozen=True)
class MasterInfo:
    """The argument of before_fork."""

    pid: int
    settings: Settings
    log: logging.Logger


@dataclass(frozen=True)
class WorkerInfo:
    """The argument of after_fork."""

    pid: int
    master_pid: int
    settings: Settings
    log: logging.Logger


@dataclass(frozen=True)
class MasterHooks:
    """The hooks that run in the master; None where none is configured."""

    before_fork: Callable[[MasterInfo], object] | None
    on_child_reap: Callable[[int, int], object] | None


def load_master_hooks(settings: Settings) -> MasterHooks:
    """Raises UserError when a hook cannot be loaded."""
    return MasterHooks(
        load_function("--before-fork", settings.before_fork),
        load_function("--on-child-reap", settings.on_child_reap),
    )


def load_after_fork(settings: Settings) -> Callable[[WorkerInfo], object] | None:
    """The hook that runs in each worker. Raises UserError when it cannot be loaded."""
    return load_function("--after-fork", settings.after_fork)
