"""Where gunicorn's users say what they want, in gunicorn's order: flags, GUNICORN_CMD_ARGS, a file in Python.

The way into this room: cli calls `read` with its words and `load` with what click made of them.
"""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rhebok.errors import ExitStatus, UserError
from rhebok.gunicorn import config_file, paste_file, values
from rhebok.gunicorn.command_line import Words, read
from rhebok.records import replace
from rhebok.settings import config
from rhebok.settings.config import FILE_VARIABLE, Given
from rhebok.settings.configuration import Config

CMD_ARGS = "GUNICORN_CMD_ARGS"
COMMAND_LINE = "the command line"

Parsed = dict[str, object]
Parse = Callable[[list[str]], Parsed]  # of click: the values of the flags that were given, and `config`

__all__ = ["load", "load_section", "read"]


class NeedsPython(Exception):
    """There is a file in Python, which was not to be run."""


def load(
    parsed: Parsed, words: Words, environ: Mapping[str, str], parse: Parse, runs_python: bool = True
) -> Config:
    """The configuration. `parsed` is what click made of the command line, `words` what was read before.

    Raises UserError; without runs_python NeedsPython, where there is a file in Python."""
    further = _in_variable(environ)
    variable = {**further.given, **(parse(further.arguments) if further.arguments else {})}
    file = _file(parsed.pop("config", None), environ, variable.pop("config", None))
    if file and not runs_python and config_file.is_python(file):
        raise NeedsPython
    notes = [*_ignored(words), *words.notes, *further.notes]
    others = {**further.others, **words.others}
    return _load({**parsed, **words.given}, environ, [_layer(variable)], file, notes, others)


def load_section(
    section: Mapping[str, str], ini: str, environ: Mapping[str, str], variables: Sequence[str] = ()
) -> Config:
    """The configuration that a section `[server:main]` of a file of PasteDeploy gives, with the file that it
    names as `config` below it. GUNICORN_CMD_ARGS is not read, as in gunicorn. `variables`: KEY=VALUE, of the
    file's [DEFAULT] and of the command line of pserve."""
    named = {name.lower(): value for name, value in section.items()}
    file = _file(named.pop("config", None), environ, None)
    found = paste_file.section(named, ini)
    found.values["paste_global"] = Given(list(variables), f"the file {ini}")
    loaded = _load({}, environ, [found.values], file, found.notes, found.others)
    return replace(loaded, hooks={**loaded.hooks, **found.hooks})


def _load(
    command_line: Parsed,
    environ: Mapping[str, str],
    above: Sequence[Mapping[str, Given]],
    file: str | None,
    notes: Sequence[str],
    others: Mapping[str, Any],
) -> Config:
    """above: layers above the file. others: settings of gunicorn without one of ours, above the file."""
    python = config_file.load(file) if file and config_file.is_python(file) else None
    toml = None if python else file
    layers = [*above, python.values if python else {}]
    if python and python.names_paste:
        command_line = _with_paste(command_line)
    loaded = config.load(command_line, _without_file(environ), toml, layers)
    notes = (*notes, *(python.notes if python else ()), *loaded.notes)
    loaded = replace(loaded, file=file, notes=notes, others={**(python.others if python else {}), **others})
    if python:
        loaded = replace(loaded, hooks=python.hooks, logging=python.logging)
    return paste_file.with_its_file(loaded)


def _with_paste(command_line: Parsed) -> Parsed:
    """With `paste` in the file, the argument is a file of PasteDeploy too, as in gunicorn."""
    app = command_line.get("app")
    return (
        {**command_line, "app": values.paste(app)}
        if isinstance(app, str) and ":" not in app
        else command_line
    )


def _ignored(words: Words) -> list[str]:
    """Arguments that count for nothing: behind the first one, and all when --paste names the application."""
    unused = words.positional[0 if "app" in words.given else 1 :]
    return [f"the argument {word!r} is ignored" for word in unused]


def _in_variable(environ: Mapping[str, str]) -> Words:
    """What GUNICORN_CMD_ARGS says; an application there is ignored, as gunicorn does."""
    try:
        words = shlex.split(environ.get(CMD_ARGS, ""))
    except ValueError as error:
        raise UserError(f"{CMD_ARGS}: got {environ[CMD_ARGS]!r}: {error}", ExitStatus.USAGE) from None
    return read(words, f"the environment variable {CMD_ARGS}")


def _layer(parsed: Parsed) -> dict[str, Given]:
    return {name: Given(value, f"the environment variable {CMD_ARGS}") for name, value in parsed.items()}


def _file(on_command_line: object, environ: Mapping[str, str], in_variable: object) -> str | None:
    """The file to read: the one that is named, otherwise gunicorn's default if it exists."""
    named = on_command_line or environ.get(FILE_VARIABLE) or in_variable
    if named:
        return str(named)
    return config_file.DEFAULT_FILE if os.path.isfile(config_file.DEFAULT_FILE) else None


def _without_file(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in environ.items() if name != FILE_VARIABLE}
