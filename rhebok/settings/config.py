"""Makes Settings of the command line, the environment and a TOML file: the first that has a value wins.

Called by cli with the flags that click has parsed. It knows the table, but no single setting.
"""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.records import replace
from rhebok.settings.configuration import Config
from rhebok.settings.table import ENVIRONMENT_PREFIX, TABLE, Setting, Settings

OTHER_FIELDS = 2**14  # bytes of a head beside the longest line and the longest field
HEAD_WITHOUT_LIMIT = 2**18

FILE_VARIABLE = "RHEBOK_CONFIG"


class Given(NamedTuple):
    """A value before it is read, and its source in words."""

    value: object
    source: str


def load(
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    file: str | None = None,
    layers: Sequence[Mapping[str, Given]] = (),
) -> Config:
    """Reads the configuration. Raises UserError for the first mistake in it.

    `command_line` has the values of the flags that were given, by the name of the setting. `layers` are
    further sources, below the environment and above the file. `file` is the path of --config; without it,
    $RHEBOK_CONFIG.
    """
    _check_for_misspelt_variables(environ)
    file = file or environ.get(FILE_VARIABLE) or None
    in_file = _names_to_settings(_read_file(file), file) if file else {}
    below = [*layers, in_file]
    chosen = {setting.name: _choose(setting, command_line, environ, below) for setting in TABLE}
    read = {name: _read(_by_name(name), given) for name, given in chosen.items()}
    settings, sources = Settings(**read), {name: given.source for name, given in chosen.items()}
    if sources["limit_request_head"] == "default":
        settings = _with_room_for_limits(settings)
    return Config(_complete(settings), sources, file, tuple(_without_effect(settings, sources)))


def _without_effect(settings: Settings, sources: Mapping[str, str]) -> Iterator[str]:
    """A note for each value that was given in vain: what it belongs to is off."""
    for setting in TABLE:
        if not setting.needs or sources[setting.name].startswith("default"):
            continue
        needed = _by_name(setting.needs)
        if getattr(settings, setting.name) != setting.default and _is_off(getattr(settings, needed.name)):
            source = sources[setting.name]
            yield f"{setting.label}, which {source} gives, has no effect without {needed.label}"


def _is_off(value: object) -> bool:
    return not value or value == "off"


def _choose(
    setting: Setting,
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    below: Iterable[Mapping[str, Given]],
) -> Given:
    """The value from flag, environment, the layers below, or default, in this order."""
    if setting.name in command_line:
        return Given(command_line[setting.name], "the command line")
    in_layer = next((layer[setting.name] for layer in below if setting.name in layer), None)
    return _in_environment(setting, environ) or in_layer or _default(setting, environ)


def _in_environment(setting: Setting, environ: Mapping[str, str]) -> Given | None:
    present = [variable for variable in setting.environment if variable in environ]
    if len(present) > 1:
        raise _usage(f"{present[0]} and {present[1]} are the same setting: unset one of them")
    return Given(environ[present[0]], f"the environment variable {present[0]}") if present else None


def _default(setting: Setting, environ: Mapping[str, str]) -> Given:
    if setting.variable and environ.get(setting.variable) and setting.variable_unless not in environ:
        value = setting.variable_value.format(environ[setting.variable])
        return Given(value, f"the environment variable {setting.variable}")
    return Given(setting.default, "default")


def _read(setting: Setting, given: Given) -> Any:
    if given.source.startswith("default"):
        return given.value
    try:
        return setting.kind.read(given.value)
    except ValueError as error:
        reason = f": {error}" if str(error) else ""
        raise _usage(
            f"{setting.label}: got {_shown(given.value)} from {given.source}, "
            f"but it takes {setting.kind.takes}{reason}"
        ) from None


def _shown(value: object) -> str:
    """A value in a message. The only value of a flag that may be repeated is shown without the list."""
    if isinstance(value, tuple):
        value = value[0] if len(value) == 1 else list(value)
    shown = repr(value)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _with_room_for_limits(settings: Settings) -> Settings:
    """A limit of one line that the head's default would undercut raises it; 0 asks for no limit."""
    line, field_size = settings.limit_request_line, settings.limit_request_field_size
    least = line + field_size + OTHER_FIELDS if line and field_size else HEAD_WITHOUT_LIMIT
    return replace(settings, limit_request_head=max(settings.limit_request_head, least))


def _complete(settings: Settings) -> Settings:
    """Replaces values that refer to another setting by that setting's value."""
    head = settings.limit_request_head
    return replace(
        settings,
        limit_request_line=settings.limit_request_line or head,
        limit_request_field_size=settings.limit_request_field_size or head,
        error_logfile=settings.error_logfile or "-",
    )


def _read_file(file: str) -> dict[str, object]:
    try:
        return tomllib.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise _usage(f"--config: cannot read {file!r}: {os_reason(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _usage(f"--config: {file!r} is not valid TOML: {error}") from None


def reads_as_toml(file: str) -> bool:
    """Whether it is TOML, and each of its keys is a setting."""
    known = {name for setting in TABLE for name in setting.names}
    try:
        return all(key.replace("-", "_") in known for key in _read_file(file))
    except UserError:
        return False


def _names_to_settings(table: Mapping[str, object], file: str | None) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for key, value in table.items():
        setting = _by_key(key, file)
        if setting.name in found:
            raise _usage(f"--config: {file!r} gives {setting.name!r} twice, once as {key!r}")
        found[setting.name] = Given(value, f"the file {file}")
    return found


def _by_key(key: str, file: str | None) -> Setting:
    name = key.replace("-", "_")
    for setting in TABLE:
        if name in setting.names:
            return setting
    known = [name for setting in TABLE for name in setting.names]
    raise _usage(f"--config: {file!r} has an unknown key {key!r}{_did_you_mean(name, known)}")


def _by_name(name: str) -> Setting:
    return next(setting for setting in TABLE if setting.name == name)


def _check_for_misspelt_variables(environ: Mapping[str, str]) -> None:
    """A name close to one of ours is a typo. Others are ignored; Kubernetes sets RHEBOK_PORT."""
    known = [variable for setting in TABLE for variable in setting.environment] + [FILE_VARIABLE]
    for variable in environ:
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
            hint = _did_you_mean(variable, known, cutoff=0.9)
            if hint:
                raise _usage(f"unknown environment variable {variable}{hint}")


def _did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    close = difflib.get_close_matches(word, list(known), 1, cutoff)
    return f" (did you mean {close[0]}?)" if close else ""


def _usage(message: str) -> UserError:
    return UserError(message, ExitStatus.USAGE)
