"""The pid file: `PID\\n`, and locked for the life of the process, so that a stale one never looks live.

launch and starter.cli hold it; starter.client learns from it whether a superdaemon runs, which one, and when
it is gone.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from rhebok.errors import UserError, os_reason
from rhebok.process.file_lock import has_open, held_by_trusted, holds_lock, is_same_file, try_lock
from rhebok.process.opening import open_file, open_to_read, place_of

MAX_PID = 2**31 - 1
LOOK_EVERY = 0.1  # seconds between two looks at a file that another process holds


class PidFile:
    """A locked pid file. The lock belongs to the open file, so it goes with a fork into a daemon."""

    def __init__(
        self, path: str, option: str = "--pid", waiting: Callable[[str], None] | None = None
    ) -> None:
        """Locks the file; its content stays until write(). UserError when it cannot be written.

        When another process has it: UserError; or with `waiting`, which gets a message, waits for its end.
        """
        self._option = option
        self._owner = os.getpid()
        self._fd, self._made = self._hold(path, waiting)
        self._path = os.path.abspath(
            path
        )  # once it can be opened: the current directory may have been removed

    def write(self) -> None:
        """Once nothing else can fail: the file may be of a program that does not lock. The caller is the
        owner from now on. Raises UserError, as on a full disk; what was in the file stays then."""
        self._owner = os.getpid()
        content = f"{self._owner}\n".encode()
        try:
            os.pwrite(self._fd, content, 0)
            os.ftruncate(self._fd, len(content))
        except OSError as error:
            raise _cannot_write(self._option, self._path, os_reason(error)) from None
        self._made = True

    @property
    def descriptors(self) -> list[int]:
        """What a child closes: otherwise the lock would outlive the owner as long as the child lives."""
        return [self._fd]

    def remove(self) -> None:
        """At exit, in the owner only, and only if the path is still our file: one that we made or wrote."""
        if os.getpid() != self._owner:
            return
        if self._made and is_same_file(self._path, self._fd):
            with suppress(OSError), place_of(self._path) as place:
                os.unlink(place.name, dir_fd=place.directory)
        os.close(self._fd)

    def _hold(self, path: str, waiting: Callable[[str], None] | None) -> tuple[int, bool]:
        """The descriptor, and whether we made the file. Opened again when a former owner removed it before it
        was ours."""
        while True:
            fd, made = self._open(path)
            if _is_taken(fd):
                if waiting is None:
                    holder = _content(fd)
                    os.close(fd)
                    raise UserError(f"{self._option}: {path!r} is locked by a running process (pid {holder})")
                waiting(f"waiting for the lock of {path}; another superdaemon has it")
                while _is_taken(fd):
                    time.sleep(LOOK_EVERY)
            if is_same_file(path, fd):
                return fd, made
            os.close(fd)

    def _open(self, path: str) -> tuple[int, bool]:
        try:
            opened = open_file(path, os.O_RDWR, 0o644)
        except OSError as error:
            raise _cannot_write(self._option, path, os_reason(error)) from None
        if not stat.S_ISREG(os.fstat(opened.fd).st_mode):
            os.close(opened.fd)
            raise _cannot_write(self._option, path, "it is not a regular file")
        return opened.fd, opened.made


def _cannot_write(option: str, path: str, reason: str) -> UserError:
    return UserError(f"{option}: cannot write to {path!r}: {reason}")


def find_running(path: str) -> tuple[int, int]:
    """The process id of the superdaemon whose pid file this is, and a descriptor of the file.

    UserError when none runs, the file is not a pid file, or names a process of somebody else.
    """
    try:
        fd = open_to_read(path)
    except OSError as error:
        raise UserError(f"cannot open the pid file {path!r}: {os_reason(error)}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UserError(f"cannot read the pid file {path!r}: it is not a regular file")
    if not is_running(fd):
        os.close(fd)
        raise UserError(f"no superdaemon is running: nobody holds the lock of {path}")
    pid = _content(fd)
    if not pid.isdigit() or not 0 < int(pid) <= MAX_PID:
        os.close(fd)
        raise UserError(f"{path} holds {pid!r}, not a process id; is it a superdaemon's pid file?")
    if not _is_its_own(int(pid), fd):
        os.close(fd)
        raise UserError(
            f"{path} belongs to another user, and names the process {pid}, which does not have it open: "
            "it gets no signal"
        )
    return int(pid), fd


def _is_its_own(pid: int, fd: int) -> bool:
    """Whether the process is the one that the file is of. Whoever owns the file can write any number into it,
    and hold the lock; only root could signal what that user cannot."""
    if os.fstat(fd).st_uid == os.geteuid():
        return True
    return has_open(pid, fd) or holds_lock(pid, fd) or os.geteuid() != 0


def is_running(fd: int) -> bool:
    """Whether the superdaemon lives whose pid file is open at `fd`."""
    if not _is_taken(fd, fcntl.LOCK_SH):
        fcntl.flock(fd, fcntl.LOCK_UN)
        return False
    return True


def wait_until_gone(fd: int) -> None:
    """Returns when is_running() is false; closes the descriptor."""
    while is_running(fd):
        time.sleep(LOOK_EVERY)
    os.close(fd)


def _is_taken(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether another superdaemon has the file. If not we have its lock, unless a stranger has it."""
    pid = _content(fd)
    named = int(pid) if pid.isdigit() else os.getpid()
    if named != os.getpid() and has_open(named, fd):
        return True
    return not try_lock(fd, kind) and held_by_trusted(fd)


def _content(fd: int) -> str:
    return os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
