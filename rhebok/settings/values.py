"""The kinds of values of settings: how each is read from text or TOML, and how it is written as TOML.

Used by table. A reader gets a string (from a flag or the environment) or a TOML value. It raises ValueError
when the value is not of its kind, with a message where there is more to say than `takes` does.
"""

import json
import math
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from rhebok.listening.addresses import parse_bind
from rhebok.listening.allowed_peers import parse_peers
from rhebok.records import dataclass
from rhebok.settings.app_spec import parse_app, parse_paste

Reader = Callable[[object], Any]

LONGEST_SECONDS = 10**8  # the range of poll(2) and timers
SWITCH_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """A kind of values."""

    takes: str  # for messages and docs: "--workers takes ..."
    metavar: str  # for --help; "" for a switch
    read: Reader
    show: Callable[[Any], Any] = _unchanged  # converts a value to its TOML value
    repeatable: bool = False  # the flag may be given more than once
    switch: bool = False  # a flag without a value
    bare: str | None = None  # the value of the flag without a value, where that is allowed


def whole_number(least: int, most: int | None = None, auto: Callable[[], int] | None = None) -> Kind:
    """A decimal integer from `least` to `most`. `auto` finds the number that the word auto stands for."""

    def read(value: object) -> int:
        if auto and str(value).strip().lower() == "auto":
            return auto()
        return _within(_integer(value), least, most)

    upper = "" if most is None else f" and at most {most}"
    word = ", or auto" if auto else ""
    return Kind(f"a whole number of at least {least}{upper}{word}", "N", read)


def seconds() -> Kind:
    """A number of seconds, an int or a float."""

    def read(value: object) -> float:
        number = float(value) if _is_number(value) or _looks_decimal(value) else math.nan  # type: ignore[arg-type]
        if not 0 <= number <= LONGEST_SECONDS:
            raise ValueError
        return int(number) if number.is_integer() else number

    return Kind("a number of seconds of at least 0", "SECONDS", read)


def size(least: int = 0, least_but_0: int = 0) -> Kind:
    """A number of bytes, in text also with a suffix for KiB, MiB or GiB. least_but_0: unless it is 0."""

    def read(value: object) -> int:
        match = re.fullmatch(r"([0-9]{1,19})(?:([kmg]?)(?:i?b)?)", str(value).strip().lower())
        if isinstance(value, bool) or not isinstance(value, int | str) or match is None:
            raise ValueError
        number = _within(int(match[1]) * SIZE_UNITS[match[2]], least, 2**63 - 1)
        if 0 < number < least_but_0:
            raise ValueError(f"that is {number} bytes, and {least_but_0 // 2**20}m is the least")
        return number

    return Kind(f"a size in bytes of at least {least}, or with the suffix k, m or g", "SIZE", read)


def switch() -> Kind:
    """On or off."""

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value.lower() not in SWITCH_WORDS:
            raise ValueError
        return SWITCH_WORDS[value.lower()]

    return Kind("true or false", "", read, switch=True)


def switch_or(word: str) -> Kind:
    """On, off, or left to the server by this word. A flag without a value means on; its other half is off."""
    on_or_off = switch().read

    def read(value: object) -> bool | str:
        if isinstance(value, str) and value.lower() == word:
            return word
        return on_or_off(value)  # type: ignore[no-any-return]

    return Kind(f"true, false or {word}", "MODE", read, bare="on")


def octal(most: int) -> Kind:
    """Permission bits, only as text: the TOML number 640 would not be octal. The empty string is None."""

    def read(value: object) -> int | None:
        if value == "":
            return None
        if not isinstance(value, str) or not re.fullmatch(r"(0o)?[0-7]{1,5}", value):
            raise ValueError
        return _within(int(value.removeprefix("0o"), 8), 0, most)

    def show(value: int | None) -> str | None:
        return None if value is None else f"{value:04o}"

    return Kind(f"octal digits up to {most:04o}, in quotes in the file", "MODE", read, show)


def choice(*names: str) -> Kind:
    """One of the names, in any case."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value.lower() not in names:
            raise ValueError
        return value.lower()

    return Kind(f"one of {', '.join(names)}", "WORD", read)


def mode(*names: str, bare: str) -> Kind:
    """One of the names, the first of which means off. true, on and a flag without a value mean `bare`."""
    words = {
        **{word: names[0] if not on else bare for word, on in SWITCH_WORDS.items()},
        **{n: n for n in names},
    }

    def read(value: object) -> str:
        word = str(value).lower()
        if not isinstance(value, str | bool) or word not in words:
            raise ValueError
        return words[word]

    return Kind(f"one of {', '.join(names)}, and without a value is {bare}", "MODE", read, bare=bare)


def some_of(*names: str) -> Kind:
    """Any number of the names, in any case, separated by commas."""

    def read(value: object) -> tuple[str, ...]:
        given = {word.lower() for part in _parts(value, lambda one: [one]) for word in _by_comma(part)}
        unknown = sorted(given - set(names))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of them")
        return tuple(name for name in names if name in given)

    takes = f"names out of {', '.join(names)}, separated by commas"
    return Kind(takes, "NAMES", read, list, repeatable=True)


def peers() -> Kind:
    """A list of peers. The items stay text; the worker parses them again (listening.allowed_peers)."""

    def read(value: object) -> tuple[str, ...]:
        items = tuple(
            word for part in _parts(value, lambda one: [one]) for word in re.split(r"[\s,]+", part) if word
        )
        parse_peers(items)
        return items

    takes = "addresses, networks such as 10.0.0.0/8, `unix` or `*`, separated by commas"
    return Kind(takes, "PEERS", read, list, repeatable=True)


def path(metavar: str = "FILE") -> Kind:
    """The path of a file or directory. The empty string is None."""

    def read(value: object) -> str | None:
        if not isinstance(value, str) or "\0" in value:
            raise ValueError
        return value or None

    return Kind("a path", metavar, read)


def word(metavar: str) -> Kind:
    """A name or a number of a user or group. The empty string is None."""

    def read(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        if not re.fullmatch(r"[^\s:]*", str(value)):
            raise ValueError
        return str(value) or None

    return Kind("a name or a number", metavar, read)


def url_prefix() -> Kind:
    """The beginning of the path of a URL, without a slash at its end. The empty string is None."""

    def read(value: object) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(r"(/[^\s?#]*)?", value):
            raise ValueError
        return value.rstrip("/") or None

    return Kind("a path of a URL, as /app", "PATH", read)


def checked(check: Callable[[str], object], takes: str, metavar: str) -> Kind:
    """Text for which `check` raises no ValueError: who uses it reads it again."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError
        check(value)
        return value

    return Kind(takes, metavar, read)


def owner() -> Kind:
    """USER, USER:GROUP or :GROUP, as for chown(1). The empty string is None."""

    def read(value: object) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(r"[^\s:]*(:[^\s:]+)?", value):
            raise ValueError
        return value or None

    return Kind("USER, USER:GROUP or :GROUP", "USER:GROUP", read)


def text() -> Kind:
    """Any text on one line."""

    def read(value: object) -> str:
        if not isinstance(value, str) or re.search(r"[\0\r\n]", value):
            raise ValueError
        return value

    return Kind("text on one line", "TEXT", read)


def callable_name() -> Kind:
    """MODULE:FUNCTION, for hooks. The empty string is None."""

    def read(value: object) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(r"(?:[\w.]+:[\w.]+)?", value):
            raise ValueError
        return value or None

    return Kind("MODULE:FUNCTION", "MODULE:FUNCTION", read)


def bind_addresses() -> Kind:
    """Addresses to listen on. They stay text; listeners parses them again when it binds."""

    def read(value: object) -> tuple[str, ...]:
        parts = _parts(value, shlex.split)
        items = tuple(item for part in parts for item in (_by_comma(part) or [""]))
        if not items:
            raise ValueError
        for item in items:
            parse_bind(item)
        return items

    takes = "HOST:PORT, HOST (port 8000), [V6]:PORT, unix:PATH, unix:@NAME or fd://N, separated by commas"
    return Kind(takes, "ADDRESS", read, list, repeatable=True)


def directories() -> Kind:
    """Directories, separated by commas."""

    def read(value: object) -> tuple[str, ...]:
        return tuple(name for part in _parts(value, lambda one: [one]) for name in _by_comma(part))

    return Kind("directories, separated by commas", "DIR", read, list, repeatable=True)


def paths() -> Kind:
    """Paths of files or directories, in the environment separated by commas."""

    def read(value: object) -> tuple[str, ...]:
        found = tuple(name for part in _parts(value, lambda one: [one]) for name in _by_comma(part))
        if any("\0" in name for name in found):
            raise ValueError
        return found

    return Kind("paths, separated by commas", "PATH", read, list, repeatable=True)


def variables() -> Kind:
    """KEY=VALUE pairs, in TOML also as a table."""
    read_list = _list_reader(_variable, shlex.split)

    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, dict):
            return read_list([f"{key}={_scalar_text(item)}" for key, item in value.items()])  # type: ignore[no-any-return]
        return read_list(value)  # type: ignore[no-any-return]

    return Kind("KEY=VALUE", "KEY=VALUE", read, list, repeatable=True)


def app_name() -> Kind:
    """Of a WSGI application. The value stays text; serving.app_loading parses it again."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError
        if not parse_paste(value):
            parse_app(value)
        return value

    return Kind("MODULE, MODULE:ATTRIBUTE, MODULE:FACTORY() or config:FILE.ini", "MODULE[:ATTRIBUTE]", read)


def toml_text(value: Any) -> str:
    """A value in TOML. Its strings are those of JSON, except for DEL."""
    if isinstance(value, list):
        return "[" + ", ".join(toml_text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list_reader(item: Callable[[str], str], split: Callable[[str], list[str]]) -> Reader:
    def read(value: object) -> tuple[str, ...]:
        return tuple(item(part) for part in _parts(value, split))

    return read


def _parts(value: object, split: Callable[[str], list[str]]) -> list[str]:
    """The items of a list: one text is split, several (a repeated flag, a TOML list) are items already."""
    if isinstance(value, str):
        return split(value)
    if not isinstance(value, Sequence) or not all(isinstance(part, str) for part in value):
        raise ValueError
    return list(value)


def _by_comma(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _variable(value: str) -> str:
    if not re.fullmatch(r"[^=\0\s]+=[^\0]*", value):
        raise ValueError
    return value


def _scalar_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("values of variables are text or numbers")
    return str(value)


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        raise ValueError
    return int(value)


def _within(number: int, least: int, most: int | None) -> int:
    if number < least or (most is not None and number > most):
        raise ValueError
    return number


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _looks_decimal(value: object) -> bool:
    decimal = r"[0-9]{1,12}(\.[0-9]{0,9})?|\.[0-9]{1,9}"
    return isinstance(value, str) and re.fullmatch(decimal, value.strip()) is not None
