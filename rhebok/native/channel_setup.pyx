# cython: binding=False
"""The channel between the workers of a generation, as csrc has it (csrc/loop/channel.h).

Lifetime: the loop points into the ChannelSetup, which is to be kept as long as the loop.
"""

import os

from libc.errno cimport errno
from libc.stdlib cimport free, malloc

from .csrc cimport rhb_channel_join, rhb_loop, rhb_score, rhb_shared_count
from .shared_bytes cimport shared_bytes


cdef class ChannelSetup:
    """ChannelSetup(channel, threads, slot): channel is a rhebok.serving.channel.Channel, threads the scores in a slot
    of the scoreboard, slot that of this worker. Raises MemoryError."""

    def __cinit__(self, channel, size_t threads, size_t slot):
        self.memory = channel.scores, channel.in_queues
        self.channel.waiting.in_, self.channel.waiting.out = channel.waiting
        self.channel.surplus.in_, self.channel.surplus.out = channel.surplus
        self.channel.scores = <rhb_score *>shared_bytes(channel.scores, len(channel.scores))
        self.channel.in_waiting = <rhb_shared_count *>shared_bytes(channel.in_queues, 2 * sizeof(rhb_shared_count))
        self.channel.in_surplus = self.channel.in_waiting + 1
        self.channel.threads = threads
        self.channel.own = slot
        self.channel.n_wake = len(channel.wake)
        self.wake = <int *>malloc(max(1, len(channel.wake)) * sizeof(int))
        if self.wake is NULL:
            raise MemoryError
        for index, descriptor in enumerate(channel.wake):
            self.wake[index] = descriptor
        self.channel.wake = self.wake

    def __dealloc__(self):
        free(self.wake)

    cdef int join(self, rhb_loop *loop) except -1:
        """Lets the loop send and take connections. Raises OSError."""
        if not rhb_channel_join(loop, &self.channel):
            raise OSError(errno, os.strerror(errno))
        return 0
