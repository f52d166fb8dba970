"""Writes to pipes, terminals and sockets that may be full, without waiting. Used by logs and starter.log.

O_NONBLOCK of an inherited descriptor is not ours to set: it belongs to the open file, which others use too. A
pipe or a terminal is opened again, a socket is asked by the call. What the application may replace (gevent,
eventlet) is bound here, before it is imported.
"""

import os
import stat
from contextlib import suppress
from os import write
from select import PIPE_BUF, POLLOUT, poll
from socket import MSG_DONTWAIT, MSG_NOSIGNAL, socket

_PAGE = PIPE_BUF  # what poll(2) promises that a pipe takes
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
        with socket(fileno=os.dup(fd)) as sock:
            return sock.send(data, MSG_DONTWAIT | MSG_NOSIGNAL)
    if stat.S_ISREG(kind) or not os.get_blocking(fd):
        return write(fd, data)
    if not is_writable(fd, 0):
        raise BlockingIOError
    return write(fd, data[:_PAGE])


def is_writable(fd: int, seconds: float) -> bool:
    """Whether a write could do something, now or within so many seconds."""
    waiting = poll()
    waiting.register(fd, POLLOUT)
    return bool(waiting.poll(seconds * 1000))
