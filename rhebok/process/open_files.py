"""The limit of open files, which bounds the connections, and the standard descriptors, which must be open.

Called by launch before it binds or forks.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable

from rhebok.errors import UserError, os_reason
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

OTHERS = 256  # descriptors of the interpreter, logs, listeners and the application
EACH = 2  # descriptors of a connection: its socket, and the file of its body or response

STDIN, STDERR = 0, 2


def fill_standard_descriptors() -> None:
    """Opens /dev/null at those of 0, 1 and 2 that are closed. Raises UserError when there is none to open.

    Otherwise a socket or a file of the application could get such a number, and logs would be written to it.
    """
    for standard in range(STDERR + 1):
        if not _is_open(standard):  # the lowest that is closed, so open(2) returns it
            os.set_inheritable(open_null(os.O_RDWR), True)


def open_null(flags: int) -> int:
    """A descriptor of /dev/null. Raises UserError: a chroot or a container may have none."""
    try:
        return os.open(os.devnull, flags)
    except OSError as error:
        raise UserError(
            f"cannot open {os.devnull}: {os_reason(error)} (mknod -m 666 {os.devnull} c 1 3)"
        ) from None


def close_all_but(kept: Iterable[int]) -> None:
    """For a child of fork(2) that must not hold open what its parent closes, such as listeners."""
    begin = 0
    for fd in sorted(set(kept)):
        if begin < fd:  # closerange(0, 0) would close all
            os.closerange(begin, fd)
        begin = fd + 1
    os.closerange(begin, _beyond_all())


def _beyond_all() -> int:
    """More than the number of any open descriptor."""
    try:
        return max(map(int, os.listdir("/proc/self/fd"))) + 1
    except (OSError, ValueError):
        return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 2**20)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def close_stdin() -> None:
    """Opens /dev/null in its place: breakpoint() and getpass() find the end of the file. A process in the
    background that reads from its terminal would get SIGTTIN, and so would the master: one worker more. Where
    there is no /dev/null, an empty pipe does the same.
    """
    try:
        fd = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        fd, write_end = os.pipe()
        os.close(write_end)
    os.dup2(fd, STDIN)
    os.close(fd)


def wanted(max_connections: int, soft: int, hard: int) -> int:
    """The soft limit for `max_connections` (0: no limit): at most `hard`, and never less than `soft`."""
    enough = max_connections * EACH + OTHERS if max_connections else hard
    return max(soft, min(enough, hard))


def shortage(max_connections: int, soft: int) -> str:
    """The warning when the descriptors may run out before --max-connections is reached; otherwise ""."""
    if not max_connections or max_connections + OTHERS <= soft:
        return ""
    return (
        f"--max-connections {max_connections} is more than the {soft} files that a process may have open: "
        "connections beyond that wait in the queue; raise the hard limit (ulimit -Hn, LimitNOFILE of systemd)"
    )


def allow_connections(max_connections: int, log: logging.Logger) -> None:
    """Raises the soft limit of this process and its children, and logs a warning when it is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = wanted(max_connections, soft, hard)
    if raised != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    if warning := shortage(max_connections, raised):
        log.warning("%s", warning)
