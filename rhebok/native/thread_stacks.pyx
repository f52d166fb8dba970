"""The stacks of all threads of a worker: native ones for the log, and their Python frames. Called by rhebok.serving:
the worker installs, its master asks.
"""

import os

from libc.errno cimport errno

cdef extern from "thread_stacks.h":
    int RHB_STACK_SIGNAL, RHB_FRAMES_SIGNAL
    void rhb_stack_prepare()
    bint rhb_stack_install(int fd, int frames_fd)
    bint rhb_stack_ask(int pid, int thread, int number)

FRAMES_SIGNAL = RHB_FRAMES_SIGNAL


def prepare():
    """prepare() -> None: once, in this process or in its parent, before install."""
    rhb_stack_prepare()


cpdef int install(int fd, int frames_fd) except -1:
    """install(fd: int, frames_fd: int) -> int: after prepare(). This process writes its native stacks to fd when it is
    asked, and the Python frames to frames_fd, one thread after the other. The handler that FRAMES_SIGNAL has already
    writes these; the name of the thread comes before its title. Raises OSError.
    """
    if not rhb_stack_install(fd, frames_fd):
        raise OSError(errno, os.strerror(errno))
    return 0


def ask(int pid):
    """ask(pid: int) -> None: each thread of that process, which has called install, writes its native stack. Returns
    before it is written; nothing happens when the process is gone, or the C library knows no stacks."""
    _ask(pid, RHB_STACK_SIGNAL)


def ask_for_frames(int pid):
    """ask_for_frames(pid: int) -> None: likewise its Python frames."""
    _ask(pid, RHB_FRAMES_SIGNAL)


cdef _ask(int pid, int number):
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads[:MOST_THREADS]:
        rhb_stack_ask(pid, int(thread), number)


MOST_THREADS = 64
