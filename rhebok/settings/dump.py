"""--print-config: the configuration in force as TOML, each value with its source. Called by cli."""

from rhebok.settings.configuration import Config
from rhebok.settings.table import TABLE, Setting
from rhebok.settings.values import toml_text


def dump(config: Config) -> str:
    """TOML that gives the same settings when it is read with --config."""
    lines = []
    for setting in TABLE:
        lines.append(_line(setting, getattr(config.settings, setting.name), config.sources[setting.name]))
    return "\n".join(lines) + "\n"


def _line(setting: Setting, value: object, source: str) -> str:
    if value is None:
        return f"# {setting.name} is not set"
    return f"{setting.name} = {toml_text(setting.kind.show(value))}  # {source}"
