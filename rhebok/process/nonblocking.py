"""Writes to pipes, terminals and sockets that may be full, without waiting. Used by logs and starter.log.

O_NONBLOCK of an inherited descriptor is not ours to set: it belongs to the open file, which others use too. A
pipe or a terminal is opened again, a socket is asked by the call.
"""

import os
import select
import socket
import stat
from contextlib import suppress

_PAGE = select.PIPE_BUF  # what poll(2) promises that a pipe takes
_FLAGS = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def unblocked(fd: int) -> int:
    """A new descriptor of the same pipe or terminal whose writes never wait; `fd` itself for other files, and
    when it cannot be opened again."""
    if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
        with suppress(OSError):
            return os.open(f"/proc/self/fd/{fd}", _FLAGS)
    return fd


def made_unblocked(fd: int) -> int:
    """The same for a descriptor of our own, which is closed when another one takes its place."""
    fresh = unblocked(fd) if os.get_blocking(fd) else fd
    if fresh != fd:
        os.close(fd)
    return fresh


def write_now(fd: int, data: bytes) -> int:
    """As os.write, but a BlockingIOError instead of waiting for a reader."""
    kind = os.fstat(fd).st_mode
    if stat.S_ISSOCK(kind):
        with socket.socket(fileno=os.dup(fd)) as sock:
            return sock.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    if stat.S_ISREG(kind) or not os.get_blocking(fd):
        return os.write(fd, data)
    if not is_writable(fd, 0):
        raise BlockingIOError
    return os.write(fd, data[:_PAGE])


def is_writable(fd: int, seconds: float) -> bool:
    """Whether a write could do something, now or within so many seconds."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
