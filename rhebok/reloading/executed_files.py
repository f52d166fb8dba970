"""Tells the supervisor which files this generation executes. Installed by launch, with --reload alone.

An audit hook (PEP 578) sees each file when it is compiled or executed: also a module that fails, one that a
worker imports in its first request, and a template that becomes code. Workers inherit the hook. It writes to
a pipe: a path and a NUL. Writes of up to PIPE_BUF bytes do not mix (pipe(7)), and no path is longer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from os import fsencode, fstat, write  # bound before the application, which may replace them, is imported
from os.path import abspath, isfile

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# The event, and which of its arguments says the file.
_ARGUMENT = {"compile": 1, "exec": 0, "import": 1}
_PACKAGES = ("site-packages", "dist-packages")


def tell(descriptor: int) -> None:
    """From now on, and what has been imported so far. An audit hook cannot be removed."""
    os.set_inheritable(descriptor, False)
    teller = Teller(descriptor, standard_library())
    for module in list(sys.modules.values()):
        teller.tell(getattr(module, "__file__", None))
    sys.addaudithook(partial(_audit, teller))


def standard_library() -> tuple[str, ...]:
    """Its directories, each with a slash."""
    import sysconfig  # only here: it takes time

    return tuple({os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")})


class Teller:
    """Tells each file once."""

    def __init__(self, descriptor: int, standard: tuple[str, ...]) -> None:
        self._descriptor = descriptor
        self._pipe = _identity(descriptor)
        self._standard = standard
        self._told: set[str] = set()

    def tell(self, file: object) -> None:
        if not isinstance(file, str) or file in self._told or file.startswith("<") or not file:
            return
        self._told.add(file)
        path = abspath(file)
        if self._is_standard(path) or not isfile(path):
            return
        # The application may have closed the descriptor, and got its number for a file of its own.
        with suppress(OSError, ValueError):
            if _identity(self._descriptor) == self._pipe:
                write(self._descriptor, fsencode(path) + b"\0")

    def _is_standard(self, path: str) -> bool:
        return path.startswith(self._standard) and not any(f"/{name}/" in path for name in _PACKAGES)


def _audit(teller: Teller, event: str, arguments: Sequence[Any]) -> None:
    at = _ARGUMENT.get(event)
    if at is not None:
        found = arguments[at]
        teller.tell(getattr(found, "co_filename", None) if event == "exec" else found)


def _identity(descriptor: int) -> tuple[int, int]:
    status = fstat(descriptor)
    return status.st_dev, status.st_ino
