"""Lines of the access log as records of Python's logging, for handlers that are not plain files.

The worker keeps what it knows of each response as text, in the format given here (csrc/log/records.c).
Once a second a thread takes it (serving/record_thread.py), and `handle` makes records of it, which have the
attributes of gunicorn's: `msg` is the format, `args` the atoms.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_ATOMS = "hlutrsmUqHbBfaTDMLp"
_NUMBERS = ("B", "T", "D", "M")
_BETWEEN, _FIELD = "\x1f", "\x1e"
_ALL_FIELDS = ("{\x1e}i", "{\x1e}o")
_NAMED = re.compile(r"%\((\{[^}]+\}[a-z])\)s")
_JSON = re.compile(r"json$|escape=json ")
_PLAIN = (type(None), logging.Formatter)


class Atoms(dict[str, "Any"]):
    """The atoms by name. What is not there is `-`; the names in braces are found in any case."""

    def __missing__(self, name: str) -> Any:
        lower = name.lower()
        return self[lower] if name.startswith("{") and lower != name else "-"


class AccessRecords:
    """The handlers, and how records for them are made."""

    def __init__(self, logger: logging.Logger, handlers: Sequence[logging.Handler], log_format: str) -> None:
        self._logger = logger
        self._handlers = tuple(handlers)
        self._log_format = log_format
        named = list(dict.fromkeys(_NAMED.findall(log_format)))
        names = [*_ATOMS, *named, *(_ALL_FIELDS if self._all_fields_wanted() else ())]
        self._names = [name.lower() if name.startswith("{") else name for name in names]
        self.format = _BETWEEN.join(f"%({name})s" for name in names)
        self.line_format = log_format if _JSON.match(log_format) else None

    def _all_fields_wanted(self) -> bool:
        """Formatters and filters of the user's own may look at any of them."""
        if self._logger.filters:
            return True
        return any(each.filters or type(each.formatter) not in _PLAIN for each in self._handlers)

    def handle(self, taken: bytes) -> None:
        """Raises what a filter or a handler raises, in the end: the other records are handled."""
        failed: Exception | None = None
        lines = taken.decode("utf-8", "backslashreplace").split("\n")
        step = 2 if self.line_format else 1
        for number in range(0, len(lines) - step, step):
            try:
                self._handle(self._record(lines[number], lines[number + step - 1]))
            except Exception as error:  # of many kinds: the handlers may be the user's own
                failed = failed or error
        if failed:
            raise failed

    def _record(self, line: str, whole: str) -> logging.LogRecord:
        micros, _, rest = line.partition(_BETWEEN)
        atoms = self._atoms(rest.split(_BETWEEN))
        message, args = (whole, ()) if self.line_format else (self._log_format, (atoms,))
        record = self._logger.makeRecord(
            self._logger.name, logging.INFO, __file__, 0, message, args, None, "access"
        )
        later = record.created - int(micros) / 1e6
        record.created -= later
        record.relativeCreated -= later * 1000
        record.msecs = int(micros) // 1000 % 1000 + 0.0
        return record

    def _atoms(self, values: Sequence[str]) -> Atoms:
        atoms = Atoms(zip(self._names, values, strict=False))
        for name in _NUMBERS:
            atoms[name] = int(atoms[name])
        for name in _ALL_FIELDS:
            atoms.update(_fields(atoms.pop(name, ""), name[-1]))
        return atoms

    def _handle(self, record: logging.LogRecord) -> None:
        if not (kept := self._logger.filter(record)):
            return
        if isinstance(kept, logging.LogRecord):  # Python 3.12
            record = kept
        for handler in self._handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


def _fields(text: str, letter: str) -> dict[str, str]:
    """Repeated ones are joined, as in environ."""
    found: dict[str, str] = {}
    for field in text.split(_FIELD)[1:]:
        key, colon, value = field.partition(":")
        name = f"{{{key.lower()}}}{letter}"
        if colon:
            found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    return found
