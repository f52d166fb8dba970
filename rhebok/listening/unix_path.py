"""A listening unix socket at a path, so that the path is never missing and never stolen.

Used by listeners and by starter.sockets.

The socket is bound and listening under a temporary name before rename(2) puts it in place: a client finds the
old socket or the new one. Looking whether another process listens there and renaming happen under a lock of
the directory (flock(2), which leaves no file behind), so of two servers one loses cleanly.
"""

import errno
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rhebok.errors import os_reason
from rhebok.listening.addresses import UNIX_PATH_MAX
from rhebok.process.file_lock import held_by_trusted, try_lock
from rhebok.process.opening import place_of

LOCK_SECONDS = 5.0
_LOOK_EVERY = 0.01


class BoundPath:
    """A path that this process bound. `_pin` keeps its inode from being given to another file, so that our
    socket is known even when it is closed already."""

    def __init__(self, path: str, pin: int) -> None:
        self.path = path
        self._pin = pin

    def remove(self) -> None:
        """Unlinks the path if it is still our socket. May be called again."""
        if self._pin < 0:
            return
        with suppress(OSError), _locked(os.path.dirname(self.path)), place_of(self.path):
            if os.path.samestat(os.lstat(self.path), os.fstat(self._pin)):
                os.unlink(self.path)

    def release(self) -> None:
        """Removes it for the last time."""
        self.remove()
        if self._pin >= 0:
            os.close(self._pin)
            self._pin = -1


def bind_unix_path(
    sock: socket.socket, path: str, backlog: int, mode: int | None = None, owner: tuple[int, int] = (-1, -1)
) -> BoundPath:
    """Binds and listens. mode: of the socket file, None: by the umask; owner: as chown(2) has it.

    OSError when another process listens there already, or the path cannot be used.
    """
    with _locked(os.path.dirname(path) or "."):
        _refuse_unless_free(path)
        temporary = _temporary_name(path)
        with place_of(path):
            _bind(sock, temporary, mode)
        try:
            pin = os.open(temporary, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            _give(pin, owner)
            sock.listen(backlog)
            with place_of(path):
                os.rename(temporary, path)
        except OSError:
            with suppress(OSError), place_of(path):
                os.unlink(temporary)
            raise
    return BoundPath(os.path.abspath(path), pin)


def _give(pin: int, owner: tuple[int, int]) -> None:
    """To that owner, by the descriptor. In a directory of another user something else may be there by now: a
    hard link to a socket of root, for instance."""
    status = os.fstat(pin)
    ids = [new if new >= 0 else old for new, old in zip(owner, (status.st_uid, status.st_gid), strict=True)]
    if ids == [status.st_uid, status.st_gid]:
        return
    if not stat.S_ISSOCK(status.st_mode) or status.st_nlink != 1:
        raise OSError(errno.EPERM, "its directory was changed meanwhile by somebody else")
    os.chown(f"/proc/self/fd/{pin}", *owner)


def _bind(sock: socket.socket, path: str, mode: int | None) -> None:
    """With the mode from the start, rather than by a chmod(2) of whatever is there then."""
    if mode is None:
        sock.bind(path)
        return
    umask = os.umask(0o777 & ~mode)
    try:
        sock.bind(path)
    finally:
        os.umask(umask)


def _temporary_name(path: str) -> str:
    """In the same directory, not to be guessed, and short where the path is near the limit."""
    if len(os.fsencode(path)) > UNIX_PATH_MAX:
        raise OSError(errno.ENAMETOOLONG, f"longer than the {UNIX_PATH_MAX} bytes of a socket address")
    directory, name = os.path.split(path)
    unique = os.urandom(4).hex()
    for candidate in (f".{name}.{unique}", f".{unique[:6]}"):
        temporary = os.path.join(directory, candidate)
        if len(os.fsencode(temporary)) <= UNIX_PATH_MAX:
            return temporary
    raise OSError(errno.ENAMETOOLONG, "the path leaves no room for a temporary name beside it")


def _refuse_unless_free(path: str) -> None:
    """A path is free when nothing is there, or a socket at which no process listens."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "something that is not a socket is there: choose another path")
    if _has_listener(path):
        raise OSError(errno.EADDRINUSE, "another process is listening there: stop it first")


def _has_listener(path: str) -> bool:
    """Asks by connecting, since nothing else tells; a server that is there sees a client come and go."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        # Anything but "refused" is a sign of life: EAGAIN is a full queue, EPROTOTYPE a datagram socket.
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)


@contextmanager
def _locked(directory: str) -> Iterator[None]:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        reason = f"cannot open its directory {directory!r}: {os_reason(error)}"
        raise OSError(error.errno, reason) from None
    try:
        _lock(fd, time.monotonic() + LOCK_SECONDS)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, deadline: float) -> None:
    """Waits for another server only: any user may lock a directory that it can read, and for ever."""
    while not try_lock(fd) and held_by_trusted(fd):
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process keeps the directory locked")
        time.sleep(_LOOK_EVERY)
