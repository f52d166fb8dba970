"""The cache that the workers of a generation share. Made by master before it forks, and only with --cache.

csrc/cache/cache.h says what is in it, csrc/loop/caching.h how the workers use it.
"""

import mmap
import os
import struct
from contextlib import suppress

from rhebok.board.layout import CACHE_SIZE_AT
from rhebok.native.cache_setup import end_owner, make_cache
from rhebok.serving.scoreboard import Scoreboard

_SPARE = 8  # workers that are replaced, or that TTIN adds
_MOST = 256
_PAGE = mmap.PAGESIZE


class SharedCache:
    """So many bytes, and a descriptor for each event loop to wake it. Raises OSError, or ValueError for too
    few bytes. loops: of each worker."""

    def __init__(self, size: int, scoreboard: Scoreboard, workers: int, loops: int = 1) -> None:
        self._loops = loops
        self._slots: dict[int, int] = {}  # by the pid of the worker
        self.memory = memoryview(mmap.mmap(-1, -(-size // _PAGE) * _PAGE))
        make_cache(self.memory, os.urandom(16))
        self.purges = scoreboard.purges()
        struct.pack_into("=Q", self.purges, CACHE_SIZE_AT, len(self.memory))
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        self.wake = [os.eventfd(0, flags) for _ in range(min((2 * workers + _SPARE) * loops, _MOST))]

    def forked(self, pid: int, slot: int) -> None:
        """A worker was forked, and has this slot of the scoreboard."""
        self._slots[pid] = slot

    def reaped(self, pid: int) -> None:
        """A worker has ended, however: whoever waits for its answers looks again."""
        slot = self._slots.pop(pid, None)
        if slot is None:
            return
        for loop in range(self._loops):
            end_owner(self.memory, slot * self._loops + loop)
        for descriptor in self.wake:  # it may have been killed between the end of a claim and the wake
            with suppress(OSError):
                os.eventfd_write(descriptor, 1)

    def close(self) -> None:
        """In a process that serves nothing."""
        for descriptor in self.wake:
            with suppress(OSError):
                os.close(descriptor)
        self.wake = []
