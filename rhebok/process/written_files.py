"""Files with buffers that are written when a process ends. The interpreter does it by destroying all modules,
and in a forked process that copies all the memory shared with the parent; so a worker does it by itself.

Called by serving: master remembers the files of the import before it hides them from the garbage collector
(gc.freeze), worker_end writes those and the worker's own.
"""

from __future__ import annotations

import gc
import io
import sys
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_ROOT: type = io.TextIOWrapper.__mro__[-2]  # _io._IOBase, of which all files are
_WITHOUT_FILE = (io.BytesIO, io.StringIO, io.RawIOBase, io.FileIO, io.BufferedReader)
# What else the standard library completes when an object is destroyed.
_COMPLETED = (("tempfile", "_TemporaryFileCloser"), ("zipfile", "ZipFile"), ("shelve", "Shelf"))

Failed = Callable[[object, Exception], None]


def find() -> list[Any]:
    """All that may have a buffer, of what gc.freeze() has not hidden."""
    kinds = _kinds()
    return [each for each in gc.get_objects() if type(each) in kinds]


def remember(files: Iterable[Any]) -> list[weakref.ref[Any]]:
    """Without keeping them open."""
    found = []
    for file in files:
        with suppress(TypeError):  # a class without weak references
            found.append(weakref.ref(file))
    return found


def flush(files: Iterable[Any], failed: Failed) -> None:
    """Writes the buffers. The files stay open. Calls failed(file, error) for those that cannot be written."""
    for file in sorted(files, key=_order):
        if isinstance(file, _ROOT):
            _call(file, "flush", failed)


def complete(files: Iterable[Any], failed: Failed) -> None:
    """The same, and closes what is complete only then, such as compressed files."""
    for file in sorted(files, key=_order):
        _call(file, "close" if _order(file) == _PYTHON else "flush", failed)


_TEXT, _PYTHON, _BUFFER = range(3)  # each writes to the ones behind it


def _order(file: object) -> int:
    if isinstance(file, io.TextIOWrapper):
        return _TEXT
    return _BUFFER if type(file).__module__ == "_io" else _PYTHON


def _call(file: Any, method: str, failed: Failed) -> None:
    try:
        if not getattr(file, "closed", False):
            getattr(file, method)()
    except Exception as error:
        failed(file, error)


def _kinds() -> set[type]:
    """All such classes. By type, since isinstance() of a foreign object may run anything."""
    found: set[type] = set()
    waiting = [_ROOT, *_completed()]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += type.__subclasses__(kind)
    return {kind for kind in found if not issubclass(kind, _WITHOUT_FILE)}


def _completed() -> list[type]:
    modules = ((sys.modules.get(module), name) for module, name in _COMPLETED)
    return [getattr(module, name) for module, name in modules if hasattr(module, name)]
