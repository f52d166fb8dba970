"""The logger of a process without Python's logging: a supervisor whose log is a file or stderr, and nothing
more. Its lines are those of logging; log_setup is used where there are other handlers.
"""

from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.line import Line, json_line, log_line
from rhebok.process.log_stream import ErrorLog, JsonStream, open_stream
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_LEVELS = ("debug", "info", "warning", "error", "critical")


class PlainLogger:
    """What is used of a logging.Logger."""

    def __init__(self, level: str, stream: "TextIO", line: Line = log_line) -> None:
        """level: the least that is written, of --log-level. line: makes a line of a level and a message."""
        self._least = _LEVELS.index(level)
        self._stream = stream
        self._line = line

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
            self._stream.write(f"{self._line(_LEVELS[level].upper(), message)}\n")


def open_plain_log(path: str, level: str, user: Identity = UNCHANGED, as_json: bool = False) -> ErrorLog:
    """The error log for --error-logfile, --log-level, --user and --log-format. UserError when it cannot be
    opened."""
    lines = open_stream(path, user, as_json)
    logger = PlainLogger(level, lines, json_line if as_json else log_line)
    stream = JsonStream(lines) if as_json else lines  # type: ignore[arg-type]
    return ErrorLog(logger, stream)  # type: ignore[arg-type]
