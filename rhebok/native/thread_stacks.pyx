"""The native stacks of all threads of a worker, for the log. Called by rhebok.serving: the worker installs, its
master asks.
"""

import os

from libc.errno cimport errno

cdef extern from "thread_stacks.h":
    void rhb_stack_prepare()
    bint rhb_stack_install(int fd)
    bint rhb_stack_ask(int pid, int thread)


def prepare():
    """prepare() -> None: once, in this process or in its parent, before install."""
    rhb_stack_prepare()


cpdef int install(int fd) except -1:
    """install(fd: int) -> int: after prepare(). This process writes its stacks there when it is asked. Raises OSError."""
    if not rhb_stack_install(fd):
        raise OSError(errno, os.strerror(errno))
    return 0


def ask(int pid):
    """ask(pid: int) -> None: each thread of that process, which has called install, writes its stack. Returns before
    it is written; nothing happens when the process is gone, or the C library knows no stacks."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads[:MOST_THREADS]:
        rhb_stack_ask(pid, int(thread))


MOST_THREADS = 64
