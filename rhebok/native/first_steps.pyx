# cython: binding=False
"""What a worker does first, while signals are blocked: in C, since each function of Python that a worker is the first
to call costs it some pages of memory (rhebok/process/bare_signals.py). Made by its master.
"""

import faulthandler
import os
from _signal import set_wakeup_fd
from _signal import signal as set_handler

cimport cython
from libc.errno cimport errno
from libc.signal cimport raise_
from posix.unistd cimport close, getppid

from .orphan cimport limit_life
from .thread_stacks cimport install as install_stacks

cdef extern from "<fcntl.h>" nogil:
    enum: O_CLOEXEC, O_NONBLOCK

cdef extern from "<unistd.h>" nogil:
    int pipe2(int *ends, int flags)

cdef extern from "<sys/prctl.h>" nogil:
    enum: PR_SET_PDEATHSIG
    int prctl(int option, unsigned long argument, unsigned long, unsigned long, unsigned long)


cdef object chain = faulthandler.register, leave = faulthandler.unregister


@cython.final
cdef class FirstSteps:
    """FirstSteps(handlers, closed, *, traceback_fd, log_fd, stop, traceback, master, life)

    handlers: pairs of a signal's number and its handler in Python, those of `stop` and `traceback` among them.
    closed: descriptors of the master and of other workers; the list may grow until the fork. traceback_fd itself may be
        among them, and stays open.
    traceback_fd, log_fd: where the Python and the native stacks go that the signal `traceback`, and rhebok.native.
        thread_stacks.ask, ask for.
    stop, master, life: the signal that comes when the process `master` has died, and for how many seconds the worker
        may live on then.
    """

    cdef tuple handlers
    cdef list closed
    cdef object traceback_arguments, traceback
    cdef int traceback_fd, log_fd, stop, master
    cdef double life

    def __init__(self, tuple handlers, list closed, *, int traceback_fd, int log_fd, int stop, traceback, int master,
                 double life):
        self.handlers, self.closed = handlers, closed
        self.traceback_fd, self.log_fd = traceback_fd, log_fd
        self.stop, self.master, self.life = stop, master, life
        self.traceback, self.traceback_arguments = traceback, (traceback, traceback_fd, True, True)

    def take(self):
        """take() -> int: once, in the worker. Returns the readable end of a pipe that becomes so when a signal arrives.
        Raises OSError."""
        cdef int ends[2]
        cdef int descriptor
        for descriptor in self.closed:
            if descriptor != self.traceback_fd:
                close(descriptor)
        if pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0:
            raise OSError(errno, os.strerror(errno))
        set_wakeup_fd(ends[1], warn_on_full_buffer=False)
        leave(self.traceback)  # of the master, from the time of loading
        for number, handler in self.handlers:
            set_handler(number, handler)
        chain(*self.traceback_arguments)  # before that handler C writes, whatever the interpreter is doing
        install_stacks(self.log_fd)
        self.end_with_master()
        return ends[0]

    cdef int end_with_master(self) except -1:
        """Without a master nothing else would end a worker that hangs, and it holds the port."""
        limit_life(self.stop, self.master, self.life)
        prctl(PR_SET_PDEATHSIG, self.stop, 0, 0, 0)
        if getppid() != self.master:  # the kernel sends nothing any more
            raise_(self.stop)
        return 0
