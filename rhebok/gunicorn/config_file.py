"""Configuration files in Python, as gunicorn has them: FILE.py, file:FILE, python:MODULE. Called by sources.

A file is run, and what it defines by gunicorn's names becomes values of ours. Other names are ignored, those
of settings that are ours alone with a note.
"""

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType, TracebackType
from typing import Any

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.gunicorn.command_line import judged
from rhebok.gunicorn.options import BY_NAME, Fate, Option
from rhebok.records import dataclass, field
from rhebok.settings.config import Given, reads_as_toml
from rhebok.settings.table import TABLE, Setting

DEFAULT_FILE = "gunicorn.conf.py"
MODULE_PREFIX, FILE_PREFIX = "python:", "file:"
SUFFIXES = (".py", ".pyc")
_OURS = {setting.name: setting for setting in TABLE}


@dataclass
class FromPython:
    """What a file in Python says."""

    name: str
    values: dict[str, Given] = field(default_factory=dict)  # by the names of our settings
    hooks: dict[str, Callable[..., Any]] = field(default_factory=dict)  # by gunicorn's names
    logging: Mapping[str, Any] | None = None  # logconfig_dict
    others: dict[str, Any] = field(default_factory=dict)  # by gunicorn's names, what has no effect
    notes: list[str] = field(default_factory=list)
    names_paste: bool = False  # a file of PasteDeploy


def is_python(name: str) -> bool:
    """Whether --config names Python. Without a usual suffix it can be either: TOML is what has our keys."""
    if name.startswith((MODULE_PREFIX, FILE_PREFIX)) or name.endswith(SUFFIXES):
        return True
    if name.endswith(".toml") or not os.path.isfile(name):
        return False
    return not reads_as_toml(name) and _parses(name)


def load(name: str) -> FromPython:
    """Runs the file or imports the module. Raises UserError, with a traceback for an exception in it."""
    shown = name.removeprefix(FILE_PREFIX)
    with _importing_from_here(), _one_line(shown):
        if name.startswith(MODULE_PREFIX):
            names = vars(importlib.import_module(name.removeprefix(MODULE_PREFIX)))
        else:
            names = _run(shown)
    return _translated(shown, names)


def _run(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UserError(f"--config: cannot read {path!r}: {os_reason(error)}", ExitStatus.USAGE) from None
    module = _module(path)
    sys.modules["__config__"] = module
    exec(compile(source, path, "exec"), module.__dict__)
    return module.__dict__


def _module(path: str) -> ModuleType:
    """With a loader: Python 3.15 warns where there is none, whenever it writes a traceback."""
    module = ModuleType("__config__")
    module.__loader__ = SourceFileLoader("__config__", path)
    module.__spec__ = ModuleSpec("__config__", module.__loader__, origin=path)
    module.__file__ = path
    return module


def _translated(name: str, names: Mapping[str, Any]) -> FromPython:
    found = FromPython(name)
    for key, value in names.items():
        option = BY_NAME.get(key)
        if option and value is not None:
            take(option, value, found)
        elif key in _OURS and key not in BY_NAME and _is_value_of(_OURS[key], value):
            found.notes.append(_not_here(_OURS[key], f"the file {name}"))
    return found


def _is_value_of(setting: Setting, value: Any) -> bool:
    """Otherwise it is the file's own name for something."""
    try:
        setting.kind.read(value)
    except ValueError:
        return False
    return True


def _not_here(setting: Setting, source: str) -> str:
    return (
        f"{setting.name} (from {source}) is ignored, since a file in Python has gunicorn's names alone: "
        f"give {setting.label} or {setting.environment[0]}"
    )


def take(option: Option, value: Any, found: FromPython) -> None:
    """A value by gunicorn's name."""
    source = f"the file {found.name}"
    if option.fate is Fate.HOOK:
        found.hooks[option.name] = _function(option, value, source)
        return
    if option.name == "logconfig_dict":
        found.logging = value or None
        return
    found.names_paste |= option.name == "paste"
    if isinstance(value, str):
        value = value.strip()  # as in gunicorn
    if option.fate is Fate.TAKEN:
        found.values[option.to] = Given(option.convert(value), source)
    elif option.fate is not Fate.COMMAND:
        found.others[option.name] = value
    if option.fate is not Fate.COMMAND:
        found.notes += judged(option, value, option.name, source)


def _function(option: Option, value: Any, source: str) -> Callable[..., Any]:
    """A hook: a function, or `MODULE.FUNCTION` as text."""
    if isinstance(value, str):
        module, _, name = value.rpartition(".")
        value = getattr(importlib.import_module(module), name) if module else value
    if not callable(value):
        raise _no_hook(option, source, f"got {value!r:.60}")
    if not option.fits(value):
        raise _no_hook(option, source, "got a function with other arguments")
    return value  # type: ignore[no-any-return]


def _no_hook(option: Option, source: str, what: str) -> UserError:
    takes = f"a function with the arguments {option.arguments}"
    return UserError(f"{option.name}: {what} from {source}, but it takes {takes}", ExitStatus.USAGE)


def _parses(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return False
    return True


@contextmanager
def _importing_from_here() -> Iterator[None]:
    """A file may import what lies beside the application, whose directory is not on the path yet."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "gunicorn":
            raise _imports_gunicorn(name, error) from None
        raise _failed(name, error) from None
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from None


def _imports_gunicorn(name: str, error: ModuleNotFoundError) -> UserError:
    line = traceback.extract_tb(_own_frames(error.__traceback__))
    where = f", line {line[0].lineno}," if line else ""
    return UserError(
        f"--config: {name!r}{where} imports {error.name}, and gunicorn is not installed: remove the "
        "import (rhebok writes its logs itself), or install gunicorn beside rhebok",
        ExitStatus.USAGE,
    )


def _failed(name: str, error: BaseException) -> UserError:
    shown = error.with_traceback(_own_frames(error.__traceback__))
    detail = "".join(traceback.format_exception(shown))
    summary = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return UserError(f"--config: {name!r} failed: {summary}", ExitStatus.USAGE, detail)


def _own_frames(start: TracebackType | None) -> TracebackType | None:
    """Without the frames of rhebok and of the import system in front of the file's own."""
    ours = (__file__, os.path.dirname(importlib.__file__), "<frozen importlib")
    while start is not None and start.tb_frame.f_code.co_filename.startswith(ours):
        start = start.tb_next
    return start
