"""How the `rhebok` command ends: an error in one line on stderr, and its status. Used by command and cli."""

import os
import sys
from collections.abc import Callable

from rhebok.errors import EndedWith, ExitStatus, UserError
from rhebok.process.nonblocking import is_writable
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

REPORT_SECONDS = 1.0  # for a reader of stderr that is only slow


def run_reported(action: Callable[[], None]) -> int:
    """Returns the exit status. An error is reported in one line."""
    try:
        action()
    except UserError as error:
        return _report(error)
    except EndedWith as error:
        return error.status
    except KeyboardInterrupt:
        return 130  # as a shell reports death by SIGINT
    except BrokenPipeError:
        return _stdout_closed()
    return ExitStatus.OK


def _report(error: UserError) -> int:
    if _takes_lines(sys.stderr):
        sys.stderr.write(f"{error.detail}rhebok: error: {error}\n")
        sys.stderr.flush()
    return error.status


def _takes_lines(stream: "TextIO") -> bool:
    """Not when it is a pipe that nobody reads: the command must end."""
    try:
        return is_writable(stream.fileno(), REPORT_SECONDS)
    except (OSError, ValueError):
        return True


def _stdout_closed() -> int:
    """stdout is a pipe whose reader has ended, such as head: its buffer must not raise at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitStatus.FAILED
