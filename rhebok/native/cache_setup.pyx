# cython: binding=False
"""The cache of a generation, as csrc has it (csrc/loop/caching.h).

Lifetime: the loop points into the CacheSetup, which is to be kept as long as the loop.
"""

import os

from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .csrc cimport (
    rhb_cache_end_owner,
    rhb_cache_make,
    rhb_caching_join,
    rhb_hash_key,
    rhb_loop,
    rhb_purge_desk,
)
from .shared_bytes cimport shared_bytes


def make_cache(memory, bytes secret):
    """make_cache(memory: memoryview, secret: bytes) -> None: makes a cache of zeroed memory, which begins at a page.
    secret: 16 random bytes. Raises ValueError when the memory is too small."""
    cdef rhb_hash_key key
    if len(secret) != sizeof(key):
        raise ValueError("the secret of a cache has 16 bytes")
    memcpy(&key, <const char *>secret, sizeof(key))
    if not rhb_cache_make(shared_bytes(memory, len(memory)), len(memory), &key):
        raise ValueError(f"{len(memory)} bytes are too few for a cache")


def end_owner(memory, size_t owner):
    """end_owner(memory: memoryview, owner: int) -> int: the loop of this number has ended, and asks for nothing any
    more. Returns the loops that wait for that, as bits."""
    cdef uint64_t loops = rhb_cache_end_owner(shared_bytes(memory, len(memory)), owner)
    return loops


cdef class CacheSetup:
    """CacheSetup(cache, owner, largest): cache is a rhebok.serving.cache.SharedCache, owner the number of the loop,
    largest the bytes of a body that is stored. Raises MemoryError."""

    def __cinit__(self, cache, size_t owner, uint64_t largest):
        self.memory = cache.memory, cache.purges
        self.options.memory = shared_bytes(cache.memory, len(cache.memory))
        self.options.size = len(cache.memory)
        self.options.desk = <rhb_purge_desk *>shared_bytes(cache.purges, sizeof(rhb_purge_desk))
        self.options.largest = largest
        self.options.owner = owner
        self.options.n_wake = len(cache.wake)
        self.wake = <int *>malloc(max(1, len(cache.wake)) * sizeof(int))
        if self.wake is NULL:
            raise MemoryError
        for index, descriptor in enumerate(cache.wake):
            self.wake[index] = descriptor
        self.options.wake = self.wake

    def __dealloc__(self):
        free(self.wake)

    cdef int join(self, rhb_loop *loop) except -1:
        """Lets the loop use the cache; its board is set. Raises OSError."""
        self.options.counts = &loop.board.cache
        if not rhb_caching_join(loop, &self.options):
            raise OSError(errno, os.strerror(errno))
        return 0
