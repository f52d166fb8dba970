"""A line of the error log: when, which process, how bad, and what. The formats of all that is logged here.

JSON is written without the module json, which a supervisor does without.
"""

import os
import time
from _json import encode_basestring_ascii
from collections.abc import Callable

Line = Callable[[str, str], str]  # of a level and a message, without the line end

FORMAT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"  # as logging has it
DATE_FORMAT = "%Y-%m-%d %H:%M:%S %z"


def log_line(level: str, message: str) -> str:
    """Now, of this process."""
    when = time.strftime(DATE_FORMAT, time.localtime())
    return FORMAT % {"asctime": when, "process": os.getpid(), "levelname": level, "message": message}


def json_line(
    level: str, message: str, when: float | None = None, pid: int | None = None, **more: str | int | None
) -> str:
    """An object on one line (docs/LOGGING.md). when: seconds since 1970, None for now. pid: None for this
    process. more: further members; those that are None are left out."""
    given = {
        "time": rfc3339(time.time() if when is None else when),
        "level": level.lower(),
        "pid": os.getpid() if pid is None else pid,
        "message": message,
        **more,
    }
    members = (f'"{name}": {_json(value)}' for name, value in given.items() if value is not None)
    return "{" + ", ".join(members) + "}"


def lost_line(count: int, as_json: bool) -> str:
    """What stands in a log for lines that could not be written there."""
    text = f"{count} lines of this log could not be written and were dropped"
    return json_line("WARNING", text) if as_json else f"rhebok: {text}"


def rfc3339(when: float) -> str:
    """In the local time zone, with milliseconds: 2026-11-21T15:30:00.250+05:30."""
    whole = int(when)
    zone = time.strftime("%z", local := time.localtime(whole))
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", local)
    return f"{seconds}.{int((when - whole) * 1000):03d}{zone[:3]}:{zone[3:]}"


def _json(value: str | int | None) -> str:
    if isinstance(value, str):  # half of a surrogate pair is no text: parsers refuse it
        return encode_basestring_ascii(value.encode("utf-8", "backslashreplace").decode())
    return str(value)
