"""What a file of PasteDeploy says besides the application: its logging, and the [server:main] of pserve.

Called by sources, and by paste_server with the section that `use = egg:rhebok#main` stands in.
"""

import configparser
import os
from collections.abc import Mapping

from rhebok.errors import ExitStatus, UserError
from rhebok.gunicorn.config_file import FromPython, take
from rhebok.gunicorn.options import BY_NAME, Fate
from rhebok.records import replace
from rhebok.settings.app_spec import PASTE_PREFIX, parse_paste
from rhebok.settings.config import Given
from rhebok.settings.configuration import Config
from rhebok.settings.table import TABLE


def with_its_file(config: Config) -> Config:
    """The file's logging is configured unless other is asked for, and --reload watches the file."""
    settings = config.settings
    spec = parse_paste(settings.app or "")
    if spec is None:
        return config
    path = os.path.join(settings.chdir or "", spec.file)
    if settings.reload and os.path.exists(path):  # otherwise whoever loads it says what is wrong
        settings = replace(settings, reload_extra_file=(*settings.reload_extra_file, spec.file))
    asked = config.logging or settings.log_config or settings.log_config_json
    if asked or not _configures_logging(path):
        return replace(config, settings=settings)
    sources = {**config.sources, "log_config": f"the file {spec.file}"}
    return replace(config, settings=replace(settings, log_config=spec.file), sources=sources)


def _configures_logging(file: str) -> bool:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(file)
    except (configparser.Error, OSError, UnicodeDecodeError):
        return False
    return parser.has_section("loggers")


def section(values: Mapping[str, str], file: str) -> FromPython:
    """The values of [server:main], by gunicorn's names or ours. Raises UserError for others."""
    found = FromPython(file)
    rest = {name.lower(): value for name, value in values.items() if value is not None}
    bind = _address(rest.pop("host", ""), rest.pop("port", ""))
    # waitress's name, which the templates of Pyramid have: addresses with spaces between them.
    bind = bind or ",".join(rest.pop("listen", "").split())
    if bind:
        rest["bind"] = bind
    for name, value in rest.items():
        _take(name, value, found)
    found.values["app"] = Given(PASTE_PREFIX + file, f"the file {file}")
    return found


def _take(name: str, value: str, found: FromPython) -> None:
    option = BY_NAME.get(name)
    if option and option.fate is not Fate.COMMAND:
        take(option, value, found)
        return
    setting = next((each for each in TABLE if name in each.names and each.flags), None)
    if setting is None:
        raise UserError(
            f"{found.name}: the section of the server has {name!r}, which is no setting of gunicorn or "
            "rhebok: see docs/FROM-GUNICORN.md",
            ExitStatus.USAGE,
        )
    found.values[setting.name] = Given(value, f"the file {found.name}")


def _address(host: str, port: str) -> str:
    if not port:
        return host
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{shown or '127.0.0.1'}:{port}"
