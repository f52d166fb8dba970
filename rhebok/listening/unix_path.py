"""A listening unix socket at a path, so that the path is never missing and never stolen. Called by listeners.

The socket is bound and listening under a temporary name before rename(2) puts it in place. Looking whether
somebody listens there and renaming happen under a lock on the directory, so that of two servers one loses.
"""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rhebok.listening.addresses import UNIX_PATH_MAX

LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class BoundPath:
    """A path that this process bound."""

    path: str
    device: int
    inode: int
    owner: int  # the process that bound it: its children do not remove it

    def remove(self) -> None:
        """Unlinks the path if it is still our socket."""
        if os.getpid() != self.owner:
            return
        with suppress(OSError), _locked(os.path.dirname(self.path)):
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                os.unlink(self.path)


def bind_unix_path(
    sock: socket.socket, path: str, backlog: int, mode: int | None, owner: tuple[int, int] = (-1, -1)
) -> BoundPath:
    """Binds and listens; OSError when somebody listens there already or the path cannot be used."""
    path = os.path.abspath(path)
    with _locked(os.path.dirname(path)):
        _refuse_unless_free(path)
        temporary = _temporary_name(path)
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # left by a process that had our pid and was killed here
        sock.bind(temporary)
        try:
            if owner != (-1, -1):
                os.chown(temporary, *owner)
            if mode is not None:
                os.chmod(temporary, mode)
            sock.listen(backlog)
            made = os.lstat(temporary)
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    return BoundPath(path, made.st_dev, made.st_ino, os.getpid())


def _temporary_name(path: str) -> str:
    """In the same directory, and short where the path is near the limit."""
    directory, name = os.path.split(path)
    room = UNIX_PATH_MAX - len(os.fsencode(directory)) - 1
    for candidate in (f".{name}.{os.getpid()}", f".{os.getpid():x}"):
        if len(os.fsencode(candidate)) <= room:
            return os.path.join(directory, candidate)
    raise OSError(errno.ENAMETOOLONG, "the path leaves no room for a temporary name beside it")


def _refuse_unless_free(path: str) -> None:
    """Free is: nothing there, or a socket that nobody listens on."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "something that is not a socket is there: choose another path")
    if _somebody_listens(path):
        raise OSError(errno.EADDRINUSE, "another process is listening there: stop it first")


def _somebody_listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        result = probe.connect_ex(path)
    # EAGAIN: its backlog is full. Anything but a refusal may be alive.
    return result not in (errno.ECONNREFUSED, errno.ENOENT)


@contextmanager
def _locked(directory: str) -> Iterator[None]:
    """An flock(2) on the directory itself leaves no file behind."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(fd, time.monotonic() + LOCK_SECONDS)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps the directory locked") from None
        time.sleep(0.01)
