"""Kills a worker whose master is gone, after a delay, even when the application is stuck in C code. Called by
rhebok.serving.worker.
"""

import os

from libc.errno cimport errno
from posix.time cimport timespec
from posix.types cimport pid_t

cdef extern from "orphan.h":
    bint rhb_orphan_watch(int number, pid_t parent, timespec life)


cpdef int limit_life(int number, pid_t parent, double seconds) except -1:
    """limit_life(number: int, parent: int, seconds: float) -> int

    number: of a signal that has a handler already, which is called as before. parent: a process id. seconds: at least
    0.001. When the signal arrives and `parent` is no longer the parent, SIGKILL ends this process after so many
    seconds. One process calls it once.

    Raises OSError when the timer or the handler cannot be installed.
    """
    cdef timespec life
    seconds = max(0.001, seconds)
    life.tv_sec = <long>seconds
    life.tv_nsec = <long>((seconds - <long>seconds) * 1e9)
    if not rhb_orphan_watch(number, parent, life):
        raise OSError(errno, os.strerror(errno))
    return 0
