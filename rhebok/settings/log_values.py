"""The kinds of values that say what a log has. Used by table, as those of values.py."""

import re
from collections.abc import Sequence

from rhebok.settings.values import Kind


def share() -> Kind:
    """A part of all: a number above 0 and up to 1, or a percentage."""

    def read(value: object) -> float:
        match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(%?)", str(value).strip())
        if isinstance(value, bool) or not isinstance(value, int | float | str) or not match:
            raise ValueError
        number = float(match[1]) / (100 if match[2] else 1)
        if not 0 < number <= 1:
            raise ValueError
        return int(number) if number.is_integer() else number

    return Kind("a number above 0 and up to 1, or a percentage", "RATE", read)


def url_paths() -> Kind:
    """Paths of requests, each with a `*` at its end or without; in the environment separated by commas."""

    def read(value: object) -> tuple[str, ...]:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not all(isinstance(part, str) for part in given):
            raise ValueError
        found = [word.strip() for part in given for word in part.split(",") if word.strip()]
        for path in found:
            if not re.fullmatch(r"/[!-~]*", path) or re.search(r"[?#]|\*.", path):
                raise ValueError(f"{path!r} is none")
        return tuple(found)

    takes = "paths that begin with /, without query, and with * at their end at most, separated by commas"
    return Kind(takes, "PATH", read, list, repeatable=True)
