"""The pid file, locked for the life of the process: a stale one never looks live. Used by launch."""

import fcntl
import os

from rhebok.errors import UserError, os_reason


class PidFile:
    def __init__(self, path: str) -> None:
        """Creates, locks and writes the file; UserError when another process has the lock."""
        self._path = os.path.abspath(path)
        self._owner = os.getpid()
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"--pid: cannot write to {path!r}: {os_reason(error)}") from None
        self._lock(path)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{self._owner}\n".encode(), 0)

    def _lock(self, path: str) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            who = f"pid {holder}" if holder else "pid unknown"
            raise UserError(f"--pid: {path!r} is locked by a running process ({who})") from None

    def forget(self) -> None:
        """In a child: without this the lock would outlive the master as long as the child lives."""
        os.close(self._fd)

    def remove(self) -> None:
        """At exit, in the owner only, and only if the path is still our file."""
        if os.getpid() != self._owner:
            return
        try:
            if os.path.samestat(os.stat(self._path), os.fstat(self._fd)):
                os.unlink(self._path)
        except OSError:
            pass  # somebody else removed it first
        os.close(self._fd)
