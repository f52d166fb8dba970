"""The tracebacks of the other threads of this process. Used by master and worker, in handlers of signals.

Only a thread that runs Python code may read the frames of others: it holds the GIL, or on a Python without it
faulthandler stops all others meanwhile. A signal handler in C and a thread of C hold nothing: threads that
run give back the memory of their frames while it is read, and the process crashes. So there faulthandler is
asked for the thread that it is in, and no other. sys._current_frames() stops the others too, but no longer
than it takes: without the GIL what it returns must not be read.
"""

from __future__ import annotations

import faulthandler
import os
import re
from contextlib import suppress
from os import close, pread

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_ITSELF = "Current thread"


def tracebacks() -> str:
    """As faulthandler writes them; "" on a system without files in memory."""
    try:
        fd = os.memfd_create("rhebok-threads")
    except (OSError, AttributeError):
        return ""
    try:
        faulthandler.dump_traceback(fd, all_threads=True)
        written = pread(fd, os.fstat(fd).st_size, 0).decode("utf-8", "backslashreplace")
    finally:
        close(fd)
    return "\n\n".join(each for each in blocks(written) if not each.startswith(_ITSELF))


def blocks(text: str) -> list[str]:
    """What faulthandler has written of each thread."""
    return re.split(r"\n+(?=\S)", text.strip("\n"))


def write(stream: TextIO) -> None:
    """In a signal handler."""
    if text := tracebacks():
        with suppress(OSError, RuntimeError):  # this handler has interrupted a write
            stream.write("\n" + text)
