"""What pip asks before it builds (PEP 517). Cython is needed only where something has to be translated.

An sdist has the translations. They are used unless a source is newer: somebody has changed it.
"""

import os
from collections.abc import Mapping
from glob import glob
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 # the other hooks

MODULES = sorted(glob("rhebok/native/*.pyx"))
DECLARATIONS = sorted(glob("rhebok/native/*.pxd") + glob("rhebok/native/*.h"))
CYTHON = "cython>=3.1,<4"

Answers = Mapping[str, Any] | None


def place_of_translation(path: str) -> str:
    """Of a module in the sdist."""
    return f"translated/{Path(path).stem}.c"


def translation(path: str) -> str | None:
    """Of a module, where there is one that is not older than what it was made of."""
    place = place_of_translation(path)
    if not os.path.exists(place):
        return None
    made_of = max(os.path.getmtime(each) for each in (path, *DECLARATIONS))
    return place if os.path.getmtime(place) >= made_of else None


def _cython() -> list[str]:
    return [] if all(translation(path) for path in MODULES) else [CYTHON]


def get_requires_for_build_wheel(config_settings: Answers = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_cython()]


def get_requires_for_build_editable(config_settings: Answers = None) -> list[str]:
    return [*build_meta.get_requires_for_build_editable(config_settings), *_cython()]


def get_requires_for_build_sdist(config_settings: Answers = None) -> list[str]:
    return [*build_meta.get_requires_for_build_sdist(config_settings), CYTHON]
