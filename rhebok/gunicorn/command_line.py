"""The words of a command line as gunicorn's argparse reads them, turned into the words that click reads here.

Called by sources, for the command line and for GUNICORN_CMD_ARGS. Long options may be abbreviated, a second
positional argument is ignored, and options that are gunicorn's alone are taken out and judged.
"""

from collections.abc import Iterator, Mapping, Sequence

from rhebok.errors import ExitStatus, UserError
from rhebok.gunicorn.options import BY_FLAG, OPTIONS, Fate, Option, Refused
from rhebok.records import dataclass, field
from rhebok.settings.table import TABLE
from rhebok.settings.values import Kind

# The flags of the command that are no settings, and whether they take a value.
COMMAND_FLAGS = {
    **dict.fromkeys(("-c", "--config"), True),
    **dict.fromkeys(("--check-config", "--print-config", "-v", "--version", "-h", "--help"), False),
}


@dataclass(frozen=True)
class Flag:
    """A flag that is known. `option` is set for those that are gunicorn's alone."""

    takes_value: bool
    kind: Kind | None = None  # of a setting of THE table
    option: Option | None = None
    means: str = ""  # the same as this option with a value


@dataclass
class Words:
    """What a command line says."""

    arguments: list[str] = field(default_factory=list)  # for click
    given: dict[str, object] = field(default_factory=dict)  # by our names, of flags that click does not know
    others: dict[str, object] = field(default_factory=dict)  # by gunicorn's names, what has no effect
    notes: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)


def _flags() -> Mapping[str, Flag]:
    found = {flag: Flag(takes) for flag, takes in COMMAND_FLAGS.items()}
    for setting in TABLE:
        for names in (*setting.flags, *setting.aliases):
            for flag in names.split("/"):
                found[flag] = Flag(not setting.kind.switch, setting.kind)
            if setting.kind.bare and "/" in names:
                found[flag] = Flag(False, setting.kind, means=f"{setting.label}=off")
    for flag, option in BY_FLAG.items():
        found.setdefault(flag, Flag(option.bare is None, option=option))
    return found


FLAGS = _flags()
GUNICORNS = sorted(
    {flag for option in OPTIONS for flag in option.flags if flag.startswith("--")} | {"--help", "--version"}
)


def read(arguments: Sequence[str], source: str) -> Words:
    """Raises UserError for an option that rhebok refuses; the rest is for click to judge."""
    words, rest = Words(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words.positional += rest
            break
        if word.startswith("--"):
            _long(word, rest, words, source)
        elif word.startswith("-") and word != "-":
            _short(word, rest, words, source)
        else:
            words.positional.append(word)
    return words


def _long(word: str, rest: list[str], words: Words, source: str) -> None:
    given, equals, value = word.partition("=")
    name = _whole_name(given)
    flag = FLAGS.get(name)
    if flag is None:
        words.arguments.append(word)  # click says that there is none
    elif equals or not flag.takes_value:
        _add(name, flag, value if equals else None, words, source)
    else:
        _add(name, flag, _value(flag, rest), words, source)


def _whole_name(given: str) -> str:
    """The long option that argparse would take an abbreviation for."""
    if given in FLAGS:
        return given
    fitting = [flag for flag in GUNICORNS if flag.startswith(given)]
    return fitting[0] if len(fitting) == 1 else given


def _short(word: str, rest: list[str], words: Words, source: str) -> None:
    """-w3, -w 3, -w=3, and flags without a value behind one `-`."""
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        flag = FLAGS.get(name)
        if flag is None:
            words.arguments.append(name + letters)
            return
        if flag.takes_value:
            value = letters.removeprefix("=") if letters else _value(flag, rest)
            _add(name, flag, value, words, source)
            return
        _add(name, flag, None, words, source)


def _value(flag: Flag, rest: list[str]) -> str | None:
    """The next word; a flag whose value may be omitted takes it only if it is one."""
    bare = flag.kind.bare if flag.kind else None
    if bare and not (rest and _reads(flag.kind, rest[0])):
        return bare
    return rest.pop(0) if rest else None


def _reads(kind: Kind | None, word: str) -> bool:
    if kind is None:
        return False
    try:
        kind.read(word)
    except ValueError:
        return False
    return True


def _add(name: str, flag: Flag, value: str | None, words: Words, source: str) -> None:
    if flag.means and value is None:
        words.arguments.append(flag.means)
        return
    option = BY_FLAG.get(name)
    if option is None or (flag.takes_value and value is None):
        words.arguments += _for_click(name, value)
        return
    meant = option.bare if value is None else value
    words.notes += judged(option, meant, name, source)
    if value is not None:
        value = option.word(value.strip())  # as in gunicorn
    if flag.option is None:
        words.arguments += _for_click(name, value)
    elif option.fate is Fate.TAKEN:
        words.given[option.to] = option.bare if value is None else value
    else:
        words.others[option.name] = meant


def _for_click(name: str, value: str | None) -> Iterator[str]:
    if value is None:
        yield name
    elif name.startswith("--"):
        yield f"{name}={value}"
    else:
        yield from (name, value)


def judged(option: Option, value: object, label: str, source: str) -> list[str]:
    """The notes about a value. Raises UserError when it is refused."""
    try:
        note = option.verdict(value)
    except Refused as error:
        raise UserError(f"{label} (from {source}) is refused: {error}", ExitStatus.USAGE) from None
    ignored = "is accepted and ignored: " if option.fate is Fate.NOTED else ""
    return [f"{label} {ignored or ': '}{note}".replace(" : ", ": ")] if note else []
