"""Modules that are imported before --user, who may not be able to read the interpreter's library. Called by
launch. Where everybody can read it, what is not needed is not imported.
"""

import importlib
import os
import stat
from collections.abc import Iterable, Iterator

# What our code imports late, and applications of such a user have always found imported.
LATE = (
    "ast", "dataclasses", "difflib", "http", "inspect", "ipaddress", "json", "pathlib", "random", "textwrap",
    "typing", "urllib.parse",
)  # fmt: skip

_LIBRARIES = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_FOR_ALL = stat.S_IROTH | stat.S_IXOTH


def import_ahead(modules: Iterable[str] = LATE, libraries: Iterable[str] = _LIBRARIES) -> None:
    """Imports these modules, unless everybody can read what they are imported from."""
    if all(_is_for_all(directory) for directory in libraries):
        return
    for name in modules:
        importlib.import_module(name)


def _is_for_all(path: str) -> bool:
    """As far as the modes say: whoever is wrong about an access control list only lacks these modules."""
    try:
        return all(os.stat(directory).st_mode & stat.S_IXOTH for directory in _with_parents(path)) and (
            os.stat(path).st_mode & _FOR_ALL == _FOR_ALL
        )
    except OSError:
        return False


def _with_parents(path: str) -> Iterator[str]:
    yield path
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        yield path
