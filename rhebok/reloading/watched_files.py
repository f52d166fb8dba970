"""The files whose change is a reason to reload, and which of them have changed. Used by reloader.

A file has changed when its time of modification or its size has; so have one that is gone and one that is new
in a directory that is watched as a whole. Files are never forgotten: a generation that failed has named the
file whose mending is waited for, and one that serves does not import it.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress

Fingerprint = tuple[int, int] | None  # st_mtime_ns and st_size; None: there is no such file

_PACKAGES = ("/site-packages/", "/dist-packages/")
_TEMPLATES = "templates"
_COARSE = 20_000_000  # ns by which the clock of modifications may be behind time.time_ns()
_NO_SOURCE = ("~", ".swp", ".swx", ".pyc", ".tmp")  # what editors and Python leave beside a file


class WatchedFiles:
    """What is watched: modules, their directories' templates, and extra files and directories."""

    def __init__(self, directory: str, extra: Sequence[str] = ()) -> None:
        """directory: of the application, which has templates too. `extra` are paths relative to it."""
        self._files: set[str] = set()
        self._trees: set[str] = set()  # directories that are watched with all that is in them
        self._places: set[str] = {directory}  # directories of the application's modules
        self._directories: set[str] = {directory}  # of all files, links resolved too
        self._known: dict[str, Fingerprint] = {}
        self._modules: frozenset[str] | None = None  # in the places, when a start has failed
        for path in [os.path.join(directory, each) for each in extra]:
            self._add_file(path, None)
            self._add_tree(path, None)
        self._add_tree(os.path.join(directory, _TEMPLATES), None)

    def add(self, path: str, since: int) -> None:
        """A file that a generation has executed. One modified after `since` (time.time_ns()) counts as
        changed: the generation may have read it before."""
        if path in self._files:
            return
        self._add_file(path, since)
        if not any(part in path for part in _PACKAGES):
            place = os.path.dirname(path)
            self._places.add(place)
            self._add_tree(os.path.join(place, _TEMPLATES), since)

    def look(self) -> list[str]:
        """What has changed since the last time."""
        found = {path: fingerprint(path) for path in self._files}
        for top in self._trees:
            found.update((path, fingerprint(path)) for path in files_below(top))
        changed = [path for path in {**self._known, **found} if self._known.get(path) != found.get(path)]
        self._known = found
        return sorted([*changed, *self._new_modules()])

    def await_new_modules(self) -> None:
        """A start has failed, and a module may be missing: until the next start a new one is a change too."""
        self._modules = frozenset(_modules_in(self._places))

    def await_changes(self) -> None:
        self._modules = None

    def directories(self) -> frozenset[str]:
        """Of all files, for those who can wait for a change in a directory."""
        found = set(self._directories)
        for top in self._trees:
            found.update(directory for directory, _, _ in _walk(top))
        return frozenset(each for each in found if os.path.isdir(each))

    def _new_modules(self) -> list[str]:
        if self._modules is None:
            return []
        before, self._modules = self._modules, frozenset(_modules_in(self._places))
        return [path for path in self._modules - before if path not in self._files]

    def _add_file(self, path: str, since: int | None) -> None:
        self._files.add(path)
        self._directories |= {os.path.dirname(path), os.path.dirname(os.path.realpath(path))}
        self._know(path, since)

    def _add_tree(self, top: str, since: int | None) -> None:
        if top not in self._trees:
            self._trees.add(top)
            for path in files_below(top):
                self._know(path, since)

    def _know(self, path: str, since: int | None) -> None:
        found = fingerprint(path)
        if found and since is not None and found[0] >= since - _COARSE:
            found = None  # so that the next look finds another one
        self._known[path] = found


def fingerprint(path: str) -> Fingerprint:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return None if stat.S_ISDIR(status.st_mode) else (status.st_mtime_ns, status.st_size)


def files_below(top: str) -> Iterator[str]:
    """Without hidden ones, and what editors leave for a moment."""
    for directory, _, names in _walk(top):
        for name in names:
            if not name.startswith(".") and not name.endswith(_NO_SOURCE):
                yield os.path.join(directory, name)


def _walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for directory, below, names in os.walk(top):
        below[:] = [name for name in below if not name.startswith((".", "__pycache__"))]
        yield directory, below, names


def _modules_in(places: set[str]) -> Iterator[str]:
    """The files of modules and packages in these directories."""
    for place in places:
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    yield entry.path
                elif entry.is_dir() and os.path.exists(os.path.join(entry.path, "__init__.py")):
                    yield os.path.join(entry.path, "__init__.py")
