"""A worker whose master has been killed ends in time, whatever its application is stuck in. Called by rhebok.serving.worker."""

import os

from libc.errno cimport errno
from posix.time cimport timespec
from posix.types cimport pid_t

cdef extern from "orphan.h":
    bint rhb_orphan_watch(int number, pid_t parent, timespec life)


def limit_life(int number, pid_t parent, double seconds):
    """limit_life(number: int, parent: int, seconds: float) -> None

    From the first signal of that number that comes when `parent` is not the parent any more, this process has so
    many seconds (a millisecond at least); then it is killed. The signal's handler, which is to be there already, is
    called as before. Raises OSError. One process calls it once.
    """
    cdef timespec life
    seconds = max(0.001, seconds)
    life.tv_sec = <long>seconds
    life.tv_nsec = <long>((seconds - <long>seconds) * 1e9)
    if not rhb_orphan_watch(number, parent, life):
        raise OSError(errno, os.strerror(errno))
