"""The kinds of values that say which files are served at which URLs. Used by table, as those of values.py.

The values are plain tuples: they are handed from one process to another as such (command.py).
"""

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from rhebok.settings.values import LONGEST_SECONDS, Kind

Pair = tuple[str, Any]


def mounts() -> Kind:
    """URL=DIR pairs: directories at the beginnings of paths. In TOML also a table."""
    return _pairs(_mount, "/URL/=DIR", "/URL/=DIR")


def roots() -> Kind:
    """DIR, or URL=DIR: directories of files that the application may name."""
    return _pairs(_root, "DIR or /URL/=DIR", "[/URL/=]DIR")


def max_ages() -> Kind:
    """SECONDS for all mounts, or URL=SECONDS for one."""
    return _pairs(_max_age, "SECONDS or /URL/=SECONDS", "[/URL/=]SECONDS")


def mounted_urls() -> Kind:
    """The URLs of mounts."""

    def read(value: object) -> tuple[str, ...]:
        return tuple(_prefix(part) for part in _parts(value))

    return Kind("URLs of --static, as /URL/", "/URL/", read, list, repeatable=True)


def file_name() -> Kind:
    """The name of a file, without a directory; not a hidden one. The empty string is None."""

    def read(value: object) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(r"([^./\\\0][^/\\\0]*)?", value):
            raise ValueError
        return value or None

    return Kind("the name of a file", "NAME", read)


def _pairs(read_part: Callable[[str], Pair], takes: str, metavar: str) -> Kind:
    def read(value: object) -> tuple[Pair, ...]:
        if isinstance(value, dict):
            value = [f"{key}={item}" for key, item in value.items()]
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        pairs = tuple(read_part(part) for part in _parts(value))
        twice = {first for number, (first, _) in enumerate(pairs) if first in dict(pairs[:number])}
        if twice - {""}:
            raise ValueError(f"{min(twice)} is there twice")
        return pairs

    def show(pairs: Sequence[Pair]) -> list[str]:
        return [f"{first}={second}" if first else str(second) for first, second in pairs]

    return Kind(takes, metavar, read, show, repeatable=True)


def _parts(value: object) -> list[str]:
    """One text, as of an environment variable, is split as a shell does."""
    if isinstance(value, str):
        return shlex.split(value)
    if not isinstance(value, Sequence) or not all(isinstance(part, str) for part in value):
        raise ValueError
    return list(value)


def _prefix(url: str) -> str:
    """With a slash at its end. It is compared with decoded paths, so it has no percent-encoding."""
    if not re.fullmatch(r"/[^\s?#%\\\0]*", url) or "//" in url:
        raise ValueError(f"{url!r} is no path of a URL")
    return url if url.endswith("/") else url + "/"


def _directory(path: str) -> str:
    if not path or "\0" in path:
        raise ValueError
    return path


def _mount(text: str) -> Pair:
    url, equals, path = text.partition("=")
    if not equals:
        raise ValueError
    return _prefix(url), _directory(path)


def _root(text: str) -> Pair:
    url, equals, path = text.partition("=")
    return (_prefix(url), _directory(path)) if equals else ("", _directory(text))


def _max_age(text: str) -> Pair:
    url, _, seconds = text.rpartition("=")
    if not re.fullmatch(r"[0-9]{1,9}", seconds) or int(seconds) > LONGEST_SECONDS:
        raise ValueError
    return _prefix(url) if url else "", int(seconds)
