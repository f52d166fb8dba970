"""The title of this process in ps(1), top(1) and pgrep(1). Set by launch and worker.

It is written over the command line, in the memory that the kernel shows as /proc/PID/cmdline, and cut to its
length. The environment behind it stays as it is. Where setproctitle is installed that is used: an application
may use it too, and it must find the command line as it was.
"""

import ctypes
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial

_ARG_START, _ARG_END = 48 - 3, 49 - 3  # fields of /proc/PID/stat (proc(5)), counted behind the name


def set_title(text: str) -> None:
    """Best effort: without /proc nothing happens."""
    with suppress(OSError, ValueError, IndexError):
        prepared_title(text)()


def prepared_title(text: str) -> Callable[[], object]:
    """What sets it, for a child: the less it does itself, the less memory is its own."""
    text = " ".join(text.split())
    with suppress(Exception):
        return partial(importlib.import_module("setproctitle").setproctitle, text)
    start, size = 0, 0
    with suppress(OSError, ValueError, IndexError):
        start, size = _command_line()
    if not size:
        return _do_nothing
    # The last byte stays NUL: otherwise the kernel takes the environment for a part of the title.
    line = text.encode(errors="surrogateescape")[: size - 1].ljust(size, b"\0")
    memory = memoryview((ctypes.c_char * size).from_address(start)).cast("B")
    return partial(memory.__setitem__, slice(None), line)


def _do_nothing() -> None:
    """No command line was found."""


@cache
def _command_line() -> tuple[int, int]:
    """Address and size; (0, 0) when something else is there: valgrind has its own command line in that place,
    and starts our children by it."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    ours = b"".join(os.fsencode(each) + b"\0" for each in sys.orig_argv)
    if start <= 0 or end - start != len(ours) or ctypes.string_at(start, len(ours)) != ours:
        return 0, 0
    return start, len(ours)
