"""The limit of open files, which every connection counts against, and the standard ones, which must be there.
Called by launch before it binds or forks."""

import logging
import os
import resource

OTHERS = 256  # the interpreter, logs, listeners, and what the application has open
EACH = 2  # a connection, and the file of its body or of its response


STDERR = 2


def fill_standard_descriptors() -> None:
    """Opens what is closed of 0, 1 and 2: otherwise a socket, or a file of the application, comes to stand
    where the log is written.
    """
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= STDERR:
        os.set_inheritable(fd, True)
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


def wanted(max_connections: int, soft: int, hard: int) -> int:
    """The soft limit for so many connections (0: any number): within the hard one, never less than it was."""
    enough = max_connections * EACH + OTHERS if max_connections else hard
    return max(soft, min(enough, hard))


def shortage(max_connections: int, soft: int) -> str:
    """What to tell the user when files could run out before all connections are there; or nothing."""
    if not max_connections or max_connections + OTHERS <= soft:
        return ""
    return (
        f"--max-connections {max_connections} is more than the {soft} files that a process may have open: "
        "connections beyond that wait in the queue; raise the hard limit (ulimit -Hn, LimitNOFILE of systemd)"
    )


def allow_connections(max_connections: int, log: logging.Logger) -> None:
    """Raises the soft limit of this process and of what it forks, and warns when that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = wanted(max_connections, soft, hard)
    if raised != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    if warning := shortage(max_connections, raised):
        log.warning("%s", warning)
