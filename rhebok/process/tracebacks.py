"""Tracebacks without the frames of rhebok: the operator looks for a fault of the application.

Used by logs for exceptions, and by serving for what faulthandler writes.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from types import TracebackType

from rhebok.process.line import json_line
from rhebok.process.other_threads import blocks
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_CYTHON = "rhebok/native/"  # as Cython names its sources
# Where the main thread, and those of --threads, come from the command or from threading into our code.
_WAYS_IN = (_ROOT + "command.py", _ROOT + "cli.py", _ROOT + os.path.join("native", "held_threads.py"))

_FRAME = re.compile(r'  File "(.*)", line ')

_IDENTIFIERS = ("request_id", "trace_id", "span_id")  # attributes that native gives to records

NOTHING = "no thread is in the application\n"


def is_ours(file: str) -> bool:
    """Whether it is a source of rhebok."""
    return file.startswith((_ROOT, _CYTHON))


class TracebackFormatter(logging.Formatter):
    """Leaves our frames out of exceptions, unless there are no others: then the fault is ours."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        if ei[1] is None:
            return super().formatException(ei)
        shown = traceback.TracebackException(type(ei[1]), ei[1], ei[2], compact=True)
        _without_ours(shown)
        return "".join(shown.format()).rstrip("\n")


def identifiers(record: logging.LogRecord) -> dict[str, str | None]:
    """Of the request that the record is about; None where it has none."""
    return {name: getattr(record, name, None) for name in _IDENTIFIERS}


class JsonFormatter(TracebackFormatter):
    """Records as objects of JSON, each on one line (docs/LOGGING.md)."""

    def format(self, record: logging.LogRecord) -> str:
        return json_line(
            record.levelname,
            record.getMessage(),
            record.created,
            record.process,
            traceback=self.formatException(record.exc_info) if record.exc_info else record.exc_text,
            stack=self.formatStack(record.stack_info) if record.stack_info else None,
            **identifiers(record),
        )


def _without_ours(error: Any) -> None:
    """Also in the exceptions that led to it, and in the members of a group."""
    while error is not None:
        error.stack[:] = [frame for frame in error.stack if not is_ours(frame.filename)] or error.stack
        for member in getattr(error, "exceptions", None) or ():
            _without_ours(member)
        if error.__cause__ is not None and error.__context__ is not None:
            _without_ours(error.__context__)
        error = error.__cause__ or error.__context__


def application_threads(text: str) -> str:
    """What faulthandler has written, without our frames and without threads that have no others."""
    threads = [_application_frames(thread.splitlines()) for thread in blocks(text)]
    shown = ["\n".join(lines) + "\n" for lines in threads if any(map(_FRAME.match, lines))]
    return "\n".join(shown) or NOTHING


def _application_frames(lines: list[str]) -> list[str]:
    """Of one thread: its title, and the frames, the innermost one first."""
    files = [found[1] if (found := _FRAME.match(line)) else "" for line in lines]
    end = max((i for i, file in enumerate(files) if file in _WAYS_IN), default=len(lines))
    return [line for line, file in zip(lines[:end], files, strict=False) if not is_ours(file)]
