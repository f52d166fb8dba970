"""The logger of a process without Python's logging: a supervisor whose log is a file or stderr, and nothing
more. Its lines are those of logging; log_setup is used where there are other handlers.
"""

from rhebok.process.error_writer import PLAIN, Form, open_writer, text_lines
from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.log_stream import ErrorLog
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_LEVELS = ("debug", "info", "warning", "error", "critical")


class PlainLogger:
    """What is used of a logging.Logger."""

    def __init__(
        self, level: str, stream: "TextIO", put: "Callable[[str, str], object] | None" = None
    ) -> None:
        """level: the least that is written, of --log-level. put: writes level and message; None: as a line
        of text, to the stream."""
        self._least = _LEVELS.index(level)
        self._put = put or text_lines(stream)

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
            self._put(_LEVELS[level].upper(), message)


def open_plain_log(path: str, level: str, user: Identity = UNCHANGED, form: Form = PLAIN) -> ErrorLog:
    """The error log for --error-logfile, --log-level, --user and --log-format. UserError when it cannot be
    opened."""
    writer = open_writer(path, user, form)
    return ErrorLog(PlainLogger(level, writer.lines, writer.put), writer.stream)  # type: ignore[arg-type]
