"""Writes the tables of docs/FROM-GUNICORN.md into it: `python -m rhebok.gunicorn.docs`. A test compares."""

from collections.abc import Iterator
from pathlib import Path

from rhebok.gunicorn.options import OPTIONS, Fate, Option
from rhebok.settings.table import TABLE

PAGE = Path("docs/FROM-GUNICORN.md")
BEGIN = "<!-- What follows, to the end mark, is written by `python -m rhebok.gunicorn.docs`. -->\n"
END = "<!-- end -->\n"


def render(page: str) -> str:
    """The page with the tables of today."""
    before, begin, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = ["", *_options(), "", *_hooks(), ""]
    return before + begin + "\n".join(lines) + END + after


def _options() -> Iterator[str]:
    yield "## Each setting\n"
    yield "| in a file | flag | here | |"
    yield "|---|---|---|---|"
    for option in OPTIONS:
        if option.fate is not Fate.HOOK:
            yield f"| `{option.name}` | {_code(option.flags)} | {_here(option)} | {_escaped(option.text)} |"


def _hooks() -> Iterator[str]:
    yield "## Hooks\n"
    yield "Functions of these names in the file are found, and the log says that they are not run yet:\n"
    yield _code(tuple(option.name for option in OPTIONS if option.fate is Fate.HOOK)) + ".\n"
    yield "`--before-fork`, `--after-fork` and `--on-child-reap` name functions that are run: "
    yield "[settings.md](settings.md#hooks).\n"


def _here(option: Option) -> str:
    if option.fate is not Fate.TAKEN:
        return str(option.fate.value)
    setting = next((each for each in TABLE if each.name == option.to), None)
    if setting is None:
        return "the same"
    ours = {*setting.flags, *setting.aliases}
    same = option.flags and set(option.flags) <= {name for flag in ours for name in flag.split("/")}
    return "the same" if same else f"`{setting.label if setting.flags else 'the argument'}`"


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
