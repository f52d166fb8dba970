"""Forks of ours beside threads of others. Used by prefork/children and superdaemon/program."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_fork_warning() -> Iterator[None]:
    """For the fork alone. Python 3.12 warns when there are threads. Where warnings are errors, 3.15 raises
    after the fork, and the child would be forgotten."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
