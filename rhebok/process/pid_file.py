"""The pid file, locked for the life of the process: a stale one never looks live. Used by launch."""

import fcntl
import os
from contextlib import suppress

from rhebok.errors import UserError, os_reason


class PidFile:
    def __init__(self, path: str) -> None:
        """Locks the file; UserError when another process has the lock. What is in it stays until write()."""
        self._path = os.path.abspath(path)
        self._owner = os.getpid()
        self._fd, self._ours = _open_locked(path)

    def write(self) -> None:
        """Once nothing can go wrong any more: the file may be of a program that does not lock."""
        self._ours = True
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{self._owner}\n".encode(), 0)

    def forget(self) -> None:
        """In a child: without this the lock would outlive the master as long as the child lives."""
        os.close(self._fd)

    def remove(self) -> None:
        """At exit, in the owner only, and only if the path is still our file: one that we made or wrote."""
        if os.getpid() != self._owner:
            return
        if self._ours and _is_at(self._path, self._fd):
            with suppress(OSError):
                os.unlink(self._path)
        os.close(self._fd)


def _open_locked(path: str) -> tuple[int, bool]:
    """The descriptor, and whether we made the file. Again when a former owner removed it between our open and
    our lock.
    """
    while True:
        try:
            fd, made = _open(path)
        except OSError as error:
            raise UserError(f"--pid: cannot write to {path!r}: {os_reason(error)}") from None
        _lock(fd, path)
        if _is_at(path, fd):
            return fd, made
        os.close(fd)


def _open(path: str) -> tuple[int, bool]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_EXCL, 0o644), True
    except FileExistsError:
        return os.open(path, flags, 0o644), False


def _lock(fd: int, path: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise UserError(f"--pid: {path!r} is locked by a running process (pid {holder})") from None


def _is_at(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False
