"""JSON for processes that must not import json, which takes the regular expressions: 1 MiB for life.

The compiled half of that module does the work. Where it is missing, json is imported after all.
"""

from __future__ import annotations

import importlib

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

try:
    _compiled: Any = importlib.import_module("_json")
except ImportError:
    _compiled = None


class _Context:
    """What the scanner asks for."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float, parse_int, parse_constant = float, int, float


def loads(text: str) -> Any:
    """Raises ValueError for what is not JSON, or nested too deeply."""
    if _compiled is None:
        return importlib.import_module("json").loads(text)
    try:
        value, end = _compiled.make_scanner(_Context)(text.strip(), 0)
    except (StopIteration, RecursionError):
        raise ValueError("this is not JSON") from None
    if end != len(text.strip()):
        raise ValueError("more follows the JSON")
    return value


def dumps(value: Any) -> str:
    """Of None, numbers, text, lists and dictionaries."""
    if _compiled is None:
        return str(importlib.import_module("json").dumps(value))
    return _dumped(value)


def _dumped(value: Any) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return str(_compiled.encode_basestring_ascii(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        pairs = (f"{_dumped(str(key))}: {_dumped(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    return "[" + ", ".join(map(_dumped, value)) + "]"
