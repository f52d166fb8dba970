"""What connections need to move between the workers of a generation. Made by master before it forks.

csrc/loop/channel.h says how the workers use it.
"""

import mmap
import os
from contextlib import suppress
from socket import AF_UNIX, SO_SNDBUF, SOCK_SEQPACKET, SOL_SOCKET, socket, socketpair

from rhebok.serving.scoreboard import Scoreboard

_QUEUE_BYTES = 8 * 1024 * 1024  # some thousand connections; the system may allow less
_SO_SNDBUFFORCE = 32  # as root it allows all of it
_SPARE = 8  # workers that are replaced, or that TTIN adds
_MOST = 256


class Channel:
    """Two queues of connections, and a descriptor for each worker to wake it. They are open until the
    master and all workers have ended. Raises OSError.

    loops: of each worker. Those of one worker are to each other as workers are, and each has one score. With
    one loop a worker has `threads` scores.
    """

    def __init__(self, scoreboard: Scoreboard, workers: int, threads: int, loops: int = 1) -> None:
        self._sockets: list[socket] = []
        self.waiting = self._queue()
        self.surplus = self._queue()
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        self.wake = [os.eventfd(0, flags) for _ in range(min((2 * workers + _SPARE) * loops, _MOST))]
        self.scores = scoreboard.all_slots()
        self.in_queues = memoryview(mmap.mmap(-1, 8))
        self.threads = threads // loops

    def _queue(self) -> tuple[int, int]:
        """The end to which connections are sent, and the one from which they are taken."""
        send, take = socketpair(AF_UNIX, SOCK_SEQPACKET)
        self._sockets += send, take
        try:
            send.setsockopt(SOL_SOCKET, _SO_SNDBUFFORCE, _QUEUE_BYTES)
        except OSError:
            send.setsockopt(SOL_SOCKET, SO_SNDBUF, _QUEUE_BYTES)
        return send.fileno(), take.fileno()

    def close(self) -> None:
        """In a process that serves nothing."""
        for each in self._sockets:
            each.close()
        for descriptor in self.wake:
            with suppress(OSError):
                os.close(descriptor)
        self.wake = []
