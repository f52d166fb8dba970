"""Imports the application and the hooks. Called by master (preload), worker (no preload) and launch.

A mistake in the name is reported in one line. An exception that the application's own code raises is shown
with the traceback, without the frames of rhebok and of the import system.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FunctionType, ModuleType, TracebackType

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.records import TYPE_CHECKING
from rhebok.serving import paste
from rhebok.serving.root_path import mounted
from rhebok.settings.app_spec import DEFAULT_ATTRIBUTES, AppSpec, PasteSpec, parse_app, parse_paste

if TYPE_CHECKING:
    from typing import Any

    from rhebok.settings.table import Settings

Application = Callable[..., "Any"]

# Of code objects; inspect has the same.
CO_VARARGS, CO_VARKEYWORDS = 0x04, 0x08
CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR = 0x80, 0x100, 0x200

_IMPORT_SYSTEM = ("<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)


def load_app(text: str, paste_global: Iterable[str] = ()) -> Application:
    """The application that a setting `app` names. Raises UserError."""
    if of_paste := parse_paste(text):
        return _callable(_load_paste(of_paste, paste_global), text)
    spec = parse_app(text)
    module = import_module(spec.module)
    attribute = spec.attribute or _default_attribute(module)
    found = _walk(module, attribute)
    if spec.is_factory:
        found = _call_factory(_callable(found, text), spec, text)
    application = _callable(found, text)
    if not _is_plain_wsgi(application):
        from rhebok.serving import app_kinds  # imports inspect, which is 1 MiB

        if wrong := app_kinds.mistake(application, spec.module, attribute):
            raise _error(f"{text!r} {wrong}")
    return application


def _is_plain_wsgi(application: Application) -> bool:
    """A function of two parameters and nothing unusual: there is no mistake to be found."""
    if type(application) is not FunctionType or vars(application):
        return False
    code = application.__code__
    unusual = code.co_flags & (
        CO_VARARGS | CO_VARKEYWORDS | CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE
    )
    return code.co_argcount == 2 and not (code.co_kwonlyargcount or unusual or application.__defaults__)


def load_mounted(settings: Settings) -> Application:
    """The application below --root-path. Raises UserError."""
    app = load_app(settings.app, settings.paste_global)
    return mounted(app, settings.root_path or os.environ.get("SCRIPT_NAME"))  # --env may set it


_loaded: list[Application] = []


def load_once(settings: Settings) -> Application:
    """load_mounted for this process and those that it forks: a hook may ask before it is time, and a factory
    that is called twice makes two. Raises UserError."""
    if not _loaded:
        _loaded.append(load_mounted(settings))
    return _loaded[0]


def load_function(option: str, name: str | None) -> Callable[..., Any] | None:
    """The hook MODULE:FUNCTION that `option` names; None for None. Raises UserError."""
    if name is None:
        return None
    module, _, attribute = name.partition(":")
    try:
        return _callable(_walk(import_module(module), attribute), name)
    except UserError as error:
        raise UserError(f"{option}: {error}", error.status, error.detail) from None


def import_module(name: str) -> ModuleType:
    """Imports a module. Raises UserError when that fails, whatever the reason."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not _frames_of_application(error.__traceback__):
            raise _not_found(name, error) from None
        raise _failed(f"could not import {name!r}", error) from None
    except (Exception, SystemExit) as error:
        raise _failed(f"could not import {name!r}", error) from None


def _default_attribute(module: ModuleType) -> str:
    for name in DEFAULT_ATTRIBUTES:
        if hasattr(module, name):
            return name
    raise _error(
        f"module {module.__name__!r} has neither 'application' nor 'app': name the attribute, "
        f"{module.__name__}:ATTRIBUTE"
    )


def _walk(start: ModuleType, dotted: str) -> Any:
    found: Any = start
    for name in dotted.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            holder = f"module {start.__name__!r}" if found is start else f"{found!r:.80}"
            raise _error(f"{holder} has no attribute {name!r}{_did_you_mean(name, dir(found))}") from None
    return found


def _call_factory(factory: Application, spec: AppSpec, text: str) -> Any:
    try:
        return factory(*spec.arguments, **spec.keywords)
    except (Exception, SystemExit) as error:
        if isinstance(error, TypeError) and not _frames_of_application(error.__traceback__):
            raise _error(f"{text!r} cannot be called with these arguments: {error}") from None
        raise _failed(f"{text!r} failed", error) from None


def _load_paste(spec: PasteSpec, variables: Iterable[str]) -> Any:
    try:
        return paste.load(spec, variables)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        if _frames_of_application(error.__traceback__):
            raise _failed(f"could not load {spec.file!r}", error) from None
        raise _error(f"cannot load {spec.file!r}: {_summary(error)}") from None


def _callable(found: Any, text: str) -> Application:
    if not callable(found):
        raise _error(f"{text!r} is not callable: it is of type {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _not_found(name: str, error: ModuleNotFoundError) -> UserError:
    missing = error.name or name
    within = "" if missing == name else f" (of {name!r})"
    why = f": {error}" if "is not a package" in str(error) else ""
    hint = _unreadable_directories() or _did_you_mean(missing, _modules_here())
    return _error(f"cannot find module {missing!r}{within} in {os.getcwd()} or on sys.path{why}{hint}")


def _modules_here() -> list[str]:
    return [entry.removesuffix(".py") for entry in os.listdir(".") if entry.endswith(".py")]


def _unreadable_directories() -> str:
    """The import system passes over a directory that it cannot read, as if it were empty."""
    for directory in dict.fromkeys([os.getcwd(), *sys.path]):
        try:
            with os.scandir(directory or "."), suppress(FileNotFoundError):
                os.stat(os.path.join(directory, "__init__.py"))  # takes the right to search
        except PermissionError as error:
            return f": cannot read {directory!r}: {os_reason(error)} (user {os.geteuid()})"
        except OSError:
            continue  # not a directory, or not there
    return ""


def _failed(what: str, error: BaseException) -> UserError:
    """An error in the application's own code: its traceback, then one line."""
    shown = error.with_traceback(_frames_of_application(error.__traceback__))
    detail = "".join(traceback.format_exception(shown))
    return UserError(f"{what}: {_summary(error)}", ExitStatus.APPLICATION, detail)


def _summary(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def _frames_of_application(start: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this file and of the import system at its beginning."""
    while start is not None and _is_not_its_own(start.tb_frame.f_code.co_filename):
        start = start.tb_next
    return start


def _is_not_its_own(file: str) -> bool:
    return file.startswith((__file__, *_IMPORT_SYSTEM)) or paste.is_its_frame(file)


def _error(message: str) -> UserError:
    return UserError(message, ExitStatus.APPLICATION)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def prepend_to_path(directories: Iterable[str]) -> None:
    """Moves directories to the front of sys.path, in their order."""
    for directory in reversed([os.path.abspath(name) for name in directories]):
        if directory in sys.path:
            sys.path.remove(directory)
        sys.path.insert(0, directory)
