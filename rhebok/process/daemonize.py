"""Into the background by fork, setsid, fork. Called by launch (--daemon) and starter.cli (--daemonize).

The first process waits until the daemon says that it is ready, so that `rhebok --daemon ... && ...` finds
the pid file written.
"""

import os

from rhebok.errors import UserError
from rhebok.process.open_files import open_null

_READY = b"1"


class Readiness:
    """The daemon's end of the pipe on which the first process waits."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def announce(self) -> None:
        os.write(self._fd, _READY)
        os.close(self._fd)


def daemonize() -> Readiness:
    """Returns in the daemon only; the process that called it exits 0 when the daemon is ready."""
    read_fd, write_fd = os.pipe()
    if os.fork() > 0:
        os.close(write_fd)
        _exit_when_ready(read_fd)
    os.close(read_fd)
    os.setsid()
    # The daemon is not a session leader, so no terminal it opens becomes its controlling one.
    if os.fork() > 0:
        os._exit(0)
    null = open_null(os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return Readiness(write_fd)


def _exit_when_ready(read_fd: int) -> None:
    if os.read(read_fd, 1) == _READY:
        os._exit(0)
    raise UserError("the daemon ended before it was ready; its log says why")
