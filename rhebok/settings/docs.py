"""Writes docs/settings.md: `python -m rhebok.settings.docs > docs/settings.md`. A test compares them."""

import sys
from collections.abc import Iterator

from rhebok.settings.table import TABLE, Group, Setting

HEAD = """\
# Settings

<!-- Written by `python -m rhebok.settings.docs`; change rhebok/settings/table.py instead. -->

Every setting can be given as a flag, as an environment variable, or as a key of the TOML file that `--config`
(or `RHEBOK_CONFIG`) names. The flag wins over the environment, the environment over the file, and the file
over the default. Lists are not merged. `rhebok --print-config` shows the values in force and their sources;
`rhebok --check-config` also loads the application, as `--user` when root runs it.

- A size is a number of bytes, or has a suffix: `16k`, `1m`, `2g` (powers of 1024).
- An environment variable for a list holds the items separated by spaces, quoted as in a shell.
- A switch is `true` or `false` in the file and in the environment.
- An unknown key in the file is an error. So is a `RHEBOK_` variable whose name is close to that of a setting;
  other `RHEBOK_` variables are ignored.
- A value that has no effect because another setting is off, as `--cache-entry` without `--cache`, is noted
  in the log, and by `--check-config`.
"""


def render() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(line for group in Group for line in _group(group))])


def _group(group: Group) -> Iterator[str]:
    yield f"## {group.value}\n"
    for setting in TABLE:
        if setting.group is group:
            yield from _setting(setting)


def _setting(setting: Setting) -> Iterator[str]:
    yield f"### {setting.name}\n"
    yield f"{setting.help}\n"
    if setting.flags:
        yield f"- Flag: {_code(flag.replace('/', ' / ') for flag in setting.flags)}{_also(setting)}"
    else:
        yield "- Argument of the command"
    yield f"- Environment: `{setting.environment[0]}`; file: `{setting.name}`"
    yield f"- Takes {setting.kind.takes}{f' ({setting.unit})' if setting.unit else ''}"
    yield f"- Default: {_default(setting)}\n"


def _default(setting: Setting) -> str:
    text = setting.default_text
    return text if setting.default_note or text == "none" else f"`{text}`"


def _also(setting: Setting) -> str:
    return f"; also {_code(setting.aliases)}" if setting.aliases else ""


def _code(words: "Iterator[str] | tuple[str, ...]") -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.stdout.write(render())
