"""The logs of a process that has Python's logging: a logger on the stream of the error log, and the file of
the access log. Opened by launch before the forks.
"""

import logging
import os

from rhebok.errors import UserError, os_reason
from rhebok.process.error_writer import JSON, PLAIN, Form, Writer, open_writer
from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.journal import Journal
from rhebok.process.line import DATE_FORMAT, FORMAT
from rhebok.process.log_stream import APPEND, STDERR, ErrorLog
from rhebok.process.nonblocking import made_unblocked, unblocked
from rhebok.process.opening import open_file
from rhebok.process.tracebacks import JsonFormatter, TracebackFormatter, identifiers
from rhebok.records import dataclass

STDOUT = STDERR


def open_error_log(path: str, level: str, user: Identity = UNCHANGED, form: Form = PLAIN) -> ErrorLog:
    """The error log for --error-logfile, --log-level, --user and --log-format. UserError when it cannot be
    opened."""
    writer = open_writer(path, user, form)
    # Not from getLogger(): an application that configures logging could disable it.
    logger = logging.Logger("rhebok", level.upper())
    logger.addHandler(_handler(writer))
    return ErrorLog(logger, writer.stream)


def _handler(writer: Writer) -> logging.Handler:
    if writer.journal:
        return JournalHandler(writer.journal)
    handler = logging.StreamHandler(writer.lines)
    as_json = writer.form == JSON
    handler.setFormatter(JsonFormatter() if as_json else TracebackFormatter(FORMAT, DATE_FORMAT))
    return handler


class JournalHandler(logging.Handler):
    """Records to systemd's journal. A traceback is part of the message there, as other programs have it."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self.setFormatter(TracebackFormatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._journal.record(record.levelname, self.format(record), **identifiers(record))
        except Exception:
            self.handleError(record)


@dataclass(frozen=True)
class AccessLogFile:
    """The open file of the access log, which workers inherit."""

    fd: int
    path: str | None  # to follow when the file is renamed; None: that is not done


def open_access_log(path: str | None, user: Identity, logger: logging.Logger) -> AccessLogFile | None:
    """The file for --access-logfile; `-` is stdout. Called before the application can change the directory.

    Workers open it again as they are, so workers of root must not do that where others can place a link.
    Raises UserError when it cannot be opened.
    """
    if path is None:
        return None
    if path == STDOUT:
        return AccessLogFile(unblocked(1), None)
    whole = os.path.abspath(path)
    try:
        opened = open_file(whole, APPEND, 0o666, user)
    except OSError as error:
        raise UserError(f"--access-logfile: cannot write to {path!r}: {os_reason(error)}") from None
    follows = opened.renamable
    if follows and opened.exposed and os.geteuid() == 0 and not user.uid:
        follows = False
        logger.warning(
            "the access log %r is in a directory that others than root can write, and the workers are "
            "root's: it is not opened again when it is renamed, until a deploy (HUP); --user mends that",
            whole,
        )
    return AccessLogFile(made_unblocked(opened.fd), whole if follows else None)


def check_writable(option: str, path: str | None) -> None:
    """Raises UserError when the log or pid file could not be written. Does not create it."""
    if path is None or path == STDERR:
        return
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise UserError(f"{option}: cannot write to {path!r}: it is a directory")
    if not os.path.isdir(directory):
        raise UserError(f"{option}: cannot write to {path!r}: there is no directory {directory!r}")
    if not os.access(path if os.path.exists(path) else directory, os.W_OK):
        raise UserError(f"{option}: cannot write to {path!r}: permission denied")
