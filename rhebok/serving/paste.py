"""Applications that a file of PasteDeploy describes, as those of Pyramid. Called by app_loading.

A server runner (rhebok.paste_server) gets the application loaded from pserve, and leaves it here.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from rhebok.errors import ExitStatus, UserError
from rhebok.records import TYPE_CHECKING
from rhebok.settings.app_spec import PASTE_PREFIX, PasteSpec

if TYPE_CHECKING:
    from typing import Any

Application = Callable[..., "Any"]

_loaded: dict[PasteSpec, Application] = {}


def keep(spec: PasteSpec, application: Application) -> None:
    """It has been loaded already, and is what load() gives."""
    _loaded[spec] = application


def load(spec: PasteSpec, variables: Iterable[str]) -> Any:
    """variables: KEY=VALUE. Raises UserError, and what PasteDeploy and the application raise."""
    if spec in _loaded:
        return _loaded[spec]
    if not os.path.isfile(spec.file):
        raise UserError(f"there is no file {spec.file!r} (in {os.getcwd()})", ExitStatus.APPLICATION)
    # PasteDeploy undoes the quoting of a URL.
    uri = PASTE_PREFIX + os.path.abspath(spec.file).replace("%", "%25")
    return _paste_deploy().loadapp(uri, name=spec.name, global_conf=as_mapping(variables))


def as_mapping(variables: Iterable[str]) -> dict[str, str]:
    """A `=` in a key is written `\\\\=`, as in gunicorn."""
    pairs = (each.replace("\\=", "\0").partition("=") for each in variables)
    return {key.replace("\0", "="): value.replace("\0", "=") for key, _, value in pairs}


def as_variables(mapping: Mapping[str, str]) -> Iterator[str]:
    """The reverse, for the setting paste_global, whose keys have no blanks."""
    for key, value in mapping.items():
        if key and not re.search(r"\s", key):
            yield key.replace("=", "\\=") + f"={value}"


def is_its_frame(file: str) -> bool:
    """Whether a frame of a traceback is of this module or of PasteDeploy."""
    return file == __file__ or f"{os.sep}paste{os.sep}deploy{os.sep}" in file


def _paste_deploy() -> Any:
    try:
        return importlib.import_module("paste.deploy")
    except ImportError as error:
        raise UserError(
            f"an application of a file of PasteDeploy needs PasteDeploy, which cannot be imported: {error}: "
            "pip install 'rhebok[paste]'",
            ExitStatus.APPLICATION,
        ) from None
