"""The environment of a generation: the superdaemon's own, the flags, then the envdir as it is now.

policy.py asks for it before every start; restart_settings.py reads the superdaemon's own part of it.
"""

import os
from collections.abc import Callable, Mapping

from rhebok.starter.options import Options

Report = Callable[[str], None]


def environment_at_start(environ: Mapping[str, str], options: Options) -> dict[str, str]:
    """What every generation's environment is built upon: a flag overrides the variable of its name."""
    flags = {
        "ENVDIR": options.envdir,
        "ENABLE_AUTO_RESTART": "1" if options.enable_auto_restart else None,
        "AUTO_RESTART_INTERVAL": _number(options.auto_restart_interval),
        "KILL_OLD_DELAY": _number(options.kill_old_delay),
    }
    return {**environ, **{name: value for name, value in flags.items() if value is not None}}


def with_envdir(start: Mapping[str, str], report: Report) -> dict[str, str]:
    """`start`, and over it the variables of its ENVDIR; a file that went away leaves what `start` says."""
    directory = start.get("ENVDIR")
    return {**start, **read_envdir(directory, report)} if directory else dict(start)


def read_envdir(directory: str, report: Report) -> dict[str, str]:
    """The variables of an envdir: file name and first line. What cannot be read is reported and left out."""
    variables: dict[str, str] = {}
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        report(f"envdir {directory}: {error}; going on without it")
        return variables
    for name in names:
        path = os.path.join(directory, name)
        if name.startswith(".") or "=" in name or not os.path.isfile(path):
            continue
        try:
            value = _first_line(path)
        except OSError as error:
            report(f"envdir {directory}: {name} left out: {error}")
            continue
        if value is not None:
            variables[name] = value
    return variables


def _first_line(path: str) -> str | None:
    """None for an empty file, which says nothing about its variable."""
    with open(path, "rb") as file:
        line = file.readline()
    if not line:
        return None
    # A NUL cannot stand in an environment; daemontools' envdir reads it as a newline too.
    return os.fsdecode(line.removesuffix(b"\n").replace(b"\0", b"\n"))


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
