"""What the error log is written by, in each of its formats. Used by plain_log and logs."""

import os

from rhebok.process.identity import UNCHANGED, Identity
from rhebok.process.journal import Journal, is_journal
from rhebok.process.line import json_line, log_line
from rhebok.process.log_stream import STDERR, LogStream, RecordStream, open_stream
from rhebok.records import TYPE_CHECKING, cast, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

TEXT, JSON, JOURNAL = "text", "json", "journal"
AUTO = "auto"  # as stderr is: the journal's protocol for the journal, otherwise text


@dataclass(frozen=True)
class Form:
    """What is asked for."""

    format: str = TEXT  # of --log-format
    identifier: str = "rhebok"  # the name of the program in the journal


PLAIN = Form()


@dataclass(frozen=True)
class Writer:
    """An open log."""

    form: str
    lines: "TextIO"  # takes lines that are formatted already
    stream: "TextIO"  # takes text: wsgi.errors
    put: "Callable[[str, str], object]"  # a level and a message
    journal: "Journal | None" = None


def open_writer(path: str, user: Identity = UNCHANGED, form: Form = PLAIN) -> Writer:
    """For --error-logfile and --user. UserError when it cannot be opened."""
    lines = open_stream(path, user, form.format == JSON)
    if form.format == JSON:
        return _json(lines)
    if form.format == AUTO and path == STDERR and is_journal(2, os.environ):
        return _journal(lines, form.identifier)
    return Writer(TEXT, lines, lines, text_lines(lines))


def text_lines(lines: "TextIO") -> "Callable[[str, str], object]":
    return lambda level, message: lines.write(log_line(level, message) + "\n")


def _json(lines: "TextIO") -> Writer:
    def put(level: str, message: str) -> None:
        lines.write(json_line(level, message) + "\n")

    stream = RecordStream(cast(LogStream, lines), put, JSON)
    return Writer(JSON, lines, cast("TextIO", stream), put)


def _journal(lines: "TextIO", identifier: str) -> Writer:
    journal = Journal(identifier, cast(LogStream, lines))
    stream = RecordStream(cast(LogStream, lines), journal.record, JOURNAL)
    return Writer(JOURNAL, lines, cast("TextIO", stream), journal.record, journal)
