"""The logger of a process without Python's logging: a supervisor whose log is a file or stderr, and nothing
more. Its lines are those of logging; log_setup is used where there are other handlers.
"""

from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.line import log_line
from rhebok.process.log_stream import ErrorLog, open_stream
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_LEVELS = ("debug", "info", "warning", "error", "critical")


class PlainLogger:
    """What is used of a logging.Logger."""

    def __init__(self, level: str, stream: "TextIO") -> None:
        """level: the least that is written, of --log-level."""
        self._least = _LEVELS.index(level)
        self._stream = stream

    def setLevel(self, level: str, /) -> None:
        """Its name, as logging has it."""
        self._least = _LEVELS.index(level.lower())

    def debug(self, text: str, /, *arguments: object) -> None:
        self._write(0, text, arguments)

    def info(self, text: str, /, *arguments: object) -> None:
        self._write(1, text, arguments)

    def warning(self, text: str, /, *arguments: object) -> None:
        self._write(2, text, arguments)

    def error(self, text: str, /, *arguments: object) -> None:
        self._write(3, text, arguments)

    def critical(self, text: str, /, *arguments: object) -> None:
        self._write(4, text, arguments)

    def _write(self, level: int, text: str, arguments: tuple[object, ...]) -> None:
        if level >= self._least:
            message = text % arguments if arguments else text
            self._stream.write(f"{log_line(_LEVELS[level].upper(), message)}\n")


def open_plain_log(path: str, level: str, user: Identity = UNCHANGED) -> ErrorLog:
    """The error log for --error-logfile, --log-level and --user. UserError when it cannot be opened."""
    stream = open_stream(path, user)
    return ErrorLog(PlainLogger(level, stream), stream)  # type: ignore[arg-type]
