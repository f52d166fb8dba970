"""Which control sockets have a server. One that was killed leaves its socket behind."""

import os
import stat
from contextlib import suppress
from errno import ECONNREFUSED
from socket import AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM
from socket import socket as Socket

from rhebok.control.path import SUFFIX


def found_in(directory: str) -> list[str]:
    """The paths of all control sockets there, by name."""
    with suppress(OSError):
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX) and name[0] != ".")
        return [os.path.join(directory, name) for name in names]
    return []


def listens(path: str) -> bool:
    """Whether a server may answer there, though perhaps not to us."""
    with Socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK) as sock:
        try:
            sock.connect(path)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return False
    return True


def remove_dead(directory: str) -> None:
    """Removes the sockets of servers that are gone. Nothing where others may have made what is there. A path
    that is there listens, since sockets are renamed into place when they do (listening/unix_path.py)."""
    with suppress(OSError):
        owner = os.stat(directory)
        if owner.st_uid != os.geteuid() or owner.st_mode & 0o022:
            return
        for path in found_in(directory):
            if _is_refused(path):
                os.unlink(path)


def _is_refused(path: str) -> bool:
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with Socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK) as sock:
        return sock.connect_ex(path) == ECONNREFUSED
