"""What the path asks for is left to be done at the end of the process, and noted in the file `noted`."""

import atexit
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

A_MOMENT = 0.3  # in which a process ends that does not wait


def note(text: str) -> None:
    fd = os.open("noted", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, f"{text} {os.getpid()}\n".encode())
    os.close(fd)


def note_after_a_moment(text: str) -> None:
    time.sleep(A_MOMENT)
    note(text)


class Rows:
    """A file with a buffer, opened at import, in a cycle of references, as a logger and its handlers are."""

    def __init__(self) -> None:
        self.myself = self
        self.file: TextIO = open("rows", "a")  # noqa: SIM115


atexit.register(note, "import")
ROWS = Rows()
KEPT: list[Any] = []


def leave_atexit() -> None:
    atexit.register(note, "atexit")


def leave_thread() -> None:
    threading.Thread(target=note_after_a_moment, args=["thread"]).start()


def leave_jobs() -> None:
    """Two: one runs, one waits for it."""
    pool = ThreadPoolExecutor(1)
    KEPT.extend(pool.submit(note_after_a_moment, text) for text in ("job", "queued"))


def leave_row() -> None:
    ROWS.file.write(f"row {os.getpid()}\n")


def leave_file() -> None:
    file = open(f"file-{os.getpid()}", "w")  # noqa: SIM115
    file.write("written")
    KEPT.append(file)


def leave_directory() -> None:
    KEPT.append(tempfile.TemporaryDirectory(prefix="left-", dir="."))


LEAVE: dict[str, Callable[[], None]] = {
    "atexit": leave_atexit,
    "thread": leave_thread,
    "jobs": leave_jobs,
    "row": leave_row,
    "file": leave_file,
    "directory": leave_directory,
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    for name in environ["PATH_INFO"].split("/"):
        if name:
            LEAVE[name]()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
