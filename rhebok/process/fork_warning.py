"""Forks of ours beside threads of others. Used by prefork/children and superdaemon/program."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class _Nothing:
    """Where there is nothing to silence: what a fork executes of Python, each worker pays with memory."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_nothing = _Nothing()


def no_fork_warning() -> "AbstractContextManager[None]":
    """For the fork alone. Python 3.12 warns when there are threads. Where warnings are errors, 3.15 raises
    after the fork, and the child would be forgotten."""
    return _silence() if _may_warn() else _nothing


def _may_warn() -> bool:
    if sys.version_info < (3, 12):
        return False
    try:
        return len(os.listdir("/proc/self/task")) > 1
    except OSError:
        return True


@contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
