"""Opens files for root in directories that other users can write. Used for logs, pid and status files and for
unix paths.

A path is walked from the root directory, one name after the other:

- In a directory that only root can write, links are root's own: they are followed.
- From the first directory of another user on, everything is done with the rights of that user. So a link that
  the user has placed there leads root nowhere. The directory's group does not count: it may be root's still.
- In a directory of root that others can write too, such as /tmp, no link is followed, and a file that exists
  must be a regular one of root with one name.

Without root's rights there is nothing to protect: paths are opened as they are.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rhebok.process.identity import UNCHANGED, Identity, acting_as, of_number
from rhebok.records import dataclass

ROOT = 0
UNMAPPED = 65534  # the owner of what belongs to nobody in our user namespace: it cannot be acted for
MOST_LINKS = 40  # as the kernel

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALWAYS = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


@dataclass(frozen=True)
class Place:
    """Where a path leads to: a name in an open directory."""

    directory: int | None  # a descriptor; None: the name is a path
    name: str
    user: Identity = UNCHANGED  # whose directory it is, when it is not root's
    shared: bool = False  # others can write the directory too
    descriptor: int | None = None  # the path is that of an open descriptor, such as /dev/stdout

    def open(self, flags: int, mode: int) -> tuple[int, bool]:
        """The descriptor, and whether the file was made. OSError."""
        if self.descriptor is not None:
            return os.dup(self.descriptor), False
        fd, made = _open(self.name, flags, mode, self.directory)
        try:
            if self.shared and not made:
                _refuse_unless_own(fd)
        except OSError:
            os.close(fd)
            raise
        return fd, made


@dataclass(frozen=True)
class Opened:
    """An open file."""

    fd: int
    made: bool
    renamable: bool  # a regular file, which may be renamed and made again
    exposed: bool = False  # to others than root and the user: they can write its directory


def open_file(path: str, flags: int, mode: int, user: Identity = UNCHANGED) -> Opened:
    """Opens or makes the file, for the user that this process is going to become. Raises OSError.

    It does not wait for a reader of a FIFO. What root makes belongs to the user from then on.
    """
    if os.geteuid() == ROOT and user.uid:
        try:
            with acting_as(user):
                fd, made = _open(path, flags, mode, None, links=True)
            return Opened(fd, made, _is_regular(fd))
        except PermissionError:
            pass  # a directory of root, or a device; or we may not act as the user
    with place_of(path) as place:
        fd, made = place.open(flags, mode)
    if made and user.given:
        os.fchown(fd, *user.ids)
    renamable = place.descriptor is None and _is_regular(fd)
    return Opened(fd, made, renamable, place.user.given or place.shared)


def open_to_read(path: str) -> int:
    """The descriptor of a file that is there. No link of another user is followed to a file of root. Raises
    OSError."""
    with place_of(path) as place:
        if place.descriptor is not None:
            return os.dup(place.descriptor)
        follow = 0 if place.directory is None else os.O_NOFOLLOW
        fd = os.open(place.name, os.O_RDONLY | _ALWAYS | follow, dir_fd=place.directory)
        if place.user.uid and os.fstat(fd).st_uid == ROOT:
            os.close(fd)
            raise PermissionError(errno.EACCES, "a file of root, in a directory of another user")
        return fd


@contextmanager
def place_of(path: str) -> Iterator[Place]:
    """Inside, this process acts with the rights of the user whose directory it is. Raises OSError."""
    if os.geteuid() != ROOT:
        yield Place(None, path)
        return
    place = _walk(os.path.join(os.getcwd(), path))
    try:
        if place.user.given:
            with acting_as(place.user):
                yield place
        else:
            yield place
    finally:
        if place.directory is not None:
            os.close(place.directory)


def _walk(path: str) -> Place:
    names, links, where = deque(_names(path)), 0, "/"
    fd = os.open("/", _DIRECTORY)
    try:
        while True:
            status = os.fstat(fd)
            if status.st_uid not in (ROOT, UNMAPPED):
                return Place(fd, "/".join(names) or ".", of_number(status.st_uid))
            shared = status.st_uid == UNMAPPED or bool(status.st_mode & 0o022)
            name = names.popleft() if names else "."
            if where in (f"/proc/{os.getpid()}/fd", "/proc/self/fd") and name.isdigit():
                return Place(fd, name, descriptor=int(name))
            target = _link(name, fd)
            if target is None and not names:
                return Place(fd, name, shared=shared)
            if target is not None:
                links += 1
                if shared or links > MOST_LINKS:
                    raise OSError(errno.ELOOP, "a symbolic link in a directory that others can write")
                names.extendleft(reversed(_names(target)))
                name = "/" if target.startswith("/") else "."
            where = "/" if name == "/" else os.path.normpath(os.path.join(where, name))
            fd = _descend(fd, name)
    except BaseException:
        os.close(fd)
        raise


def _descend(fd: int, name: str) -> int:
    below = os.open(name, _DIRECTORY, dir_fd=fd)
    os.close(fd)
    return below


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _link(name: str, directory: int) -> str | None:
    """Where the symbolic link leads to; None when it is no link."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _open(
    path: str, flags: int, mode: int, directory: int | None, links: bool | None = None
) -> tuple[int, bool]:
    """Links are followed when it is done with the rights of those who can have placed them."""
    flags |= _ALWAYS
    if not (directory is None if links is None else links):
        flags |= os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, mode, dir_fd=directory), True
    except FileExistsError:
        pass
    try:
        return os.open(path, flags | os.O_CREAT, mode, dir_fd=directory), False
    except OSError as error:
        if error.errno != errno.ENXIO or flags & os.O_ACCMODE != os.O_WRONLY:
            raise
    # A FIFO that nobody reads yet. With O_RDWR it can be opened, and what is written waits for a reader.
    return os.open(path, flags & ~os.O_ACCMODE | os.O_RDWR, mode, dir_fd=directory), False


def _refuse_unless_own(fd: int) -> None:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != ROOT:
        raise PermissionError(errno.EACCES, "not a file of root alone, in a directory that others can write")


def _is_regular(fd: int) -> bool:
    return stat.S_ISREG(os.fstat(fd).st_mode)
