"""The hooks of the configuration, and what they are called with. Loaded by master and worker.

before_fork(master)         in the master, before each fork
after_fork(worker)          in the worker, before it serves
on_child_reap(pid, status)  in the master; a negative status is the signal that ended the worker
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from rhebok.serving.app_loading import load_function
from rhebok.settings.table import Settings


@dataclass(frozen=True)
class MasterInfo:
    """What before_fork gets."""

    pid: int
    settings: Settings
    log: logging.Logger


@dataclass(frozen=True)
class WorkerInfo:
    """What after_fork gets."""

    pid: int
    master_pid: int
    settings: Settings
    log: logging.Logger


@dataclass(frozen=True)
class MasterHooks:
    before_fork: Callable[[MasterInfo], object] | None
    on_child_reap: Callable[[int, int], object] | None


def load_master_hooks(settings: Settings) -> MasterHooks:
    return MasterHooks(
        load_function("--before-fork", settings.before_fork),
        load_function("--on-child-reap", settings.on_child_reap),
    )


def load_after_fork(settings: Settings) -> Callable[[WorkerInfo], object] | None:
    return load_function("--after-fork", settings.after_fork)
