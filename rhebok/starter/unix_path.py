"""Takes the path of a unix socket without ever leaving it empty, and gives up only its own; for sockets.py.

The socket is bound and listening under a temporary name before rename(2) puts it at its path, so a client
finds the old socket or the new one. A path that somebody listens at is refused. Looking and renaming happen
under a lock of the directory (flock, which leaves no file behind), so of two superdaemons one loses cleanly.
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

from rhebok.starter.errors import StarterError

MODE = 0o777  # access is the business of the directory's permissions, as under start_server
_LOCK_PATIENCE = 5.0
_LOCK_RETRY = 0.02
_SUN_PATH_MAX = 107  # bytes, the terminating NUL apart (unix(7))


@dataclass(frozen=True)
class ClaimedPath:
    """A path, and the inode we put there, which `pin` keeps from being given to somebody else's file when the
    listener is closed already."""

    path: str
    pin: int


def claim(path: str, backlog: int) -> tuple[socket.socket, ClaimedPath]:
    """A socket that listens at `path`."""
    with _locked_directory(path):
        _refuse_unless_free(path)
        return _listen_then_rename(path, backlog)


def release(claimed: ClaimedPath) -> None:
    """Removes the socket file if it is still the one we made."""
    with suppress(OSError, StarterError), _locked_directory(claimed.path):
        if os.path.samestat(os.lstat(claimed.path), os.fstat(claimed.pin)):
            os.unlink(claimed.path)
    os.close(claimed.pin)


def _listen_then_rename(path: str, backlog: int) -> tuple[socket.socket, ClaimedPath]:
    temporary = _temporary_name(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(temporary)
        os.chmod(temporary, MODE)
        listener.listen(backlog)
        pin = os.open(temporary, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.rename(temporary, path)
    except OSError as error:
        listener.close()
        with suppress(OSError):
            os.unlink(temporary)
        raise StarterError(f"--path={path}: cannot listen there: {error}") from error
    return listener, ClaimedPath(path, pin)


def _temporary_name(path: str) -> str:
    """A name beside `path` that a socket address can hold; bind(2) would cut nothing but fail."""
    if len(os.fsencode(path)) > _SUN_PATH_MAX:
        raise StarterError(f"--path={path}: longer than the {_SUN_PATH_MAX} bytes of a socket address")
    directory, pid = os.path.dirname(path), os.getpid()
    for name in (f"{path}.{pid}", os.path.join(directory, f".{pid:x}")):
        if len(os.fsencode(name)) <= _SUN_PATH_MAX:
            return name
    raise StarterError(f"--path={path}: no room for a temporary name beside it; make it a little shorter")


def _refuse_unless_free(path: str) -> None:
    """A path may be taken when nothing is there, or a socket at which nobody listens."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise StarterError(f"--path={path}: not a socket, so it is left alone; choose another path")
    if _somebody_listens(path):
        raise StarterError(f"--path={path}: somebody is listening there; stop that program first")


def _somebody_listens(path: str) -> bool:
    """Asks by connecting, since nothing else tells; a server that is there sees a client come and go."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        # Anything but "refused" is a sign of life: EAGAIN is a full queue, EPROTOTYPE a datagram socket.
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)


@contextmanager
def _locked_directory(path: str) -> Iterator[None]:
    directory = os.path.dirname(path) or "."
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StarterError(f"--path={path}: cannot open its directory: {error}") from error
    try:
        _lock(fd, path, time.monotonic() + _LOCK_PATIENCE)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, path: str, deadline: float) -> None:
    """Bounded: anybody who may read the directory could hold its lock for ever."""
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise StarterError(f"--path={path}: another process keeps its directory locked") from None
            time.sleep(_LOCK_RETRY)
