"""flock(2) on files and directories that other users may open, and thereby lock too. Used by pid_file and
listening.unix_path.

Whoever can open a file can lock it, so a lock is obeyed only when a process that we trust holds it: one of
root, of our own user or of the file's owner, by /proc/locks (proc_locks(5)).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress

UNKNOWN = 0  # the pid of a process outside our pid namespace


def try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether we have the lock now."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held_by_trusted(fd: int) -> bool:
    """Whether a living process that we trust holds a lock of this file; an unknown one is trusted."""
    status = os.fstat(fd)
    trusted = {0, os.geteuid(), status.st_uid}
    try:
        holders = list(_holders(status.st_ino))
    except OSError:
        return True
    return any(pid <= UNKNOWN or _user(pid) in trusted for pid in holders)


def holds_lock(pid: int, fd: int) -> bool:
    """Whether that process has locked our file; false when we may not look."""
    with suppress(OSError):
        return pid in _holders(os.fstat(fd).st_ino)
    return False


def is_same_file(path: str, fd: int) -> bool:
    """Whether the path names the file that is open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False


def has_open(pid: int, fd: int) -> bool:
    """Whether that process has our file open; false when we may not look."""
    descriptors = f"/proc/{pid}/fd"
    with suppress(OSError):
        return any(is_same_file(f"{descriptors}/{name}", fd) for name in os.listdir(descriptors))
    return False


def _holders(inode: int) -> Iterator[int]:
    with open("/proc/locks", encoding="ascii") as table:
        for line in table:
            # 1: FLOCK  ADVISORY  WRITE 4711 fe:01:1835010 0 EOF
            words = line.split()
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
                yield int(words[4])


def _user(pid: int) -> int | None:
    """Its real user; None when it has ended."""
    with suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
        for line in status:
            if line.startswith("Uid:"):
                return int(line.split()[1])
    return None
