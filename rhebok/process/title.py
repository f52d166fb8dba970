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
from functools import cache

_ARG_START, _ARG_END = 48 - 3, 49 - 3  # fields of /proc/PID/stat (proc(5)), counted behind the name


def set_title(text: str) -> None:
    """Best effort: without /proc nothing happens."""
    try:
        if way := _setproctitle():
            way(" ".join(text.split()))
        else:
            start, line = placed_title(text)
            ctypes.memmove(start, line, len(line))
    except (OSError, ValueError):
        return


def placed_title(text: str) -> tuple[int, bytes]:
    """Where its bytes go, and what they are, for a child that this process forks: what a child does itself
    costs it memory. No bytes where set_title() has another way, or none."""
    if _setproctitle():
        return 0, b""
    start, size = _command_line()
    # The last byte stays NUL: otherwise the kernel takes the environment for a part of the title.
    line = " ".join(text.split()).encode(errors="surrogateescape")[: max(0, size - 1)]
    return start, line.ljust(size, b"\0")


@cache
def _setproctitle() -> Callable[[str], object] | None:
    try:
        return importlib.import_module("setproctitle").setproctitle  # type: ignore[no-any-return]
    except Exception:
        return None


@cache
def _command_line() -> tuple[int, int]:
    """Address and size; (0, 0) when something else is there: valgrind has its own command line in that place,
    and starts our children by it. Also without /proc, or with one that says less (qemu, gVisor)."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    except (OSError, ValueError, IndexError):
        return 0, 0
    ours = b"".join(os.fsencode(each) + b"\0" for each in sys.orig_argv)
    if start <= 0 or end - start != len(ours) or ctypes.string_at(start, len(ours)) != ours:
        return 0, 0
    return start, len(ours)
