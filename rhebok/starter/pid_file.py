"""The pid file: `PID\\n` and an exclusive flock for as long as the superdaemon lives.

cli.py holds it; client.py learns from it whether a superdaemon runs, which one, and when it is gone.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress

from rhebok.starter.errors import StarterError


class PidFile:
    """A locked pid file. The lock belongs to the open file, so it goes with a fork into the daemon."""

    def __init__(self, path: str, fd: int) -> None:
        self._path = path
        self._fd = fd

    def write(self) -> None:
        """Our process id; called again after daemonizing."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def remove(self) -> None:
        """Removes the file if it is still ours, and only then lets the lock go."""
        with suppress(OSError):
            if _is_at(self._fd, self._path):
                os.unlink(self._path)
        os.close(self._fd)


def hold(path: str, report: Callable[[str], None]) -> PidFile:
    """The pid file at `path`, locked; waits for another superdaemon that has it."""
    while True:
        fd = _opened(path, os.O_RDWR | os.O_CREAT)
        if not _try_lock(fd, fcntl.LOCK_EX):
            report(f"waiting for the lock of {path}; another superdaemon has it")
            fcntl.flock(fd, fcntl.LOCK_EX)
        # The superdaemon that had it removed the file as it went, so what we locked may be no longer there.
        if _is_at(fd, path):
            return PidFile(path, fd)
        os.close(fd)


def running(path: str) -> tuple[int, int]:
    """The process id of the superdaemon that holds the lock, and a descriptor of its pid file."""
    fd = _opened(path, os.O_RDONLY)
    if _try_lock(fd, fcntl.LOCK_SH):
        os.close(fd)
        raise StarterError(f"no superdaemon is running: nobody holds the lock of {path}")
    text = os.pread(fd, 32, 0)
    if not text.strip().isdigit():
        os.close(fd)
        raise StarterError(f"{path} holds {text!r}, not a process id; is it a superdaemon's pid file?")
    return int(text), fd


def is_held(fd: int) -> bool:
    """Whether the superdaemon behind running()'s descriptor lives."""
    if not _try_lock(fd, fcntl.LOCK_SH):
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def wait_until_gone(fd: int) -> None:
    """Returns when the superdaemon has let its lock go."""
    fcntl.flock(fd, fcntl.LOCK_SH)
    os.close(fd)


def _opened(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StarterError(f"cannot open the pid file: {error}") from error


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
