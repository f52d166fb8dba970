# cython: binding=False
"""What a worker does first, while signals are blocked: in C, since each function of Python that a worker is the first
to call costs it some pages of memory (rhebok/process/bare_signals.py). Made by its master.
"""

import atexit
import faulthandler
import os
from _signal import set_wakeup_fd
from _signal import signal as set_handler

cimport cython
from libc.errno cimport errno
from libc.signal cimport raise_
from libc.string cimport memcpy
from posix.unistd cimport close, getppid

from .orphan cimport limit_life
from .thread_stacks cimport install as install_stacks
from .thread_stacks import FRAMES_SIGNAL as _FRAMES_SIGNAL

cdef extern from "<fcntl.h>" nogil:
    enum: O_CLOEXEC, O_NONBLOCK

cdef extern from "<unistd.h>" nogil:
    int pipe2(int *ends, int flags)

cdef extern from "<sys/prctl.h>" nogil:
    enum: PR_SET_PDEATHSIG
    int prctl(int option, unsigned long argument, unsigned long, unsigned long, unsigned long)


cdef object count_handlers = atexit._ncallbacks, unregister = atexit.unregister
cdef object write_frames = faulthandler.register, leave = faulthandler.unregister


@cython.final
cdef class FirstSteps:
    """FirstSteps(handlers, closed, parents, title, *, traceback_fd, log_fd, stop, traceback, master, life)

    handlers: pairs of a signal's number and its handler in Python, those of `stop` and `traceback` among them.
    closed: descriptors of the master and of other workers, which take() closes and forgets; the list may grow until the
        fork. traceback_fd itself may be among them, and stays open.
    parents: a rhebok.process.exit_handlers.ParentsHandlers.
    title: a rhebok.process.title.placed_title.
    traceback_fd, log_fd: where the Python and the native stacks go that the signal `traceback`, and rhebok.native.
        thread_stacks.ask, ask for.
    stop, master, life: the signal that comes when the process `master` has died, and for how many seconds the worker
        may live on then.
    """

    cdef tuple handlers
    cdef list closed, parents_handlers
    cdef dict finalizers
    cdef object parents
    cdef Py_ssize_t parents_count
    cdef bint alone
    cdef size_t title_at
    cdef bytes title
    cdef tuple traceback_arguments, frames_arguments
    cdef object traceback
    cdef int traceback_fd, log_fd, stop, master
    cdef double life

    def __init__(self, tuple handlers, list closed, parents, tuple title, *, int traceback_fd, int log_fd, int stop,
                 traceback, int master, double life):
        self.handlers, self.closed = handlers, closed
        self.parents, self.parents_handlers, self.parents_count = parents, parents.handlers, parents.count
        self.finalizers, self.alone = parents.finalizers, parents.alone
        self.title_at, self.title = title
        self.traceback_fd, self.log_fd = traceback_fd, log_fd
        self.stop, self.master, self.life = stop, master, life
        self.traceback, self.traceback_arguments = traceback, (traceback, traceback_fd, False, True)
        self.frames_arguments = (_FRAMES_SIGNAL, traceback_fd, False)

    def take(self, tuple pipe):
        """take(pipe: tuple[int, int]) -> int: once, in the worker. pipe: descriptors of the master's wakeup pipe, which
        are closed too. Returns the readable end of the worker's. Raises OSError."""
        cdef int ends[2]
        cdef int descriptor
        for descriptor in self.closed:
            if descriptor != self.traceback_fd:
                close(descriptor)
        self.closed.clear()  # their numbers are others' from now on
        for descriptor in pipe:
            close(descriptor)
        if pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0:
            raise OSError(errno, os.strerror(errno))
        set_wakeup_fd(ends[1], warn_on_full_buffer=False)
        leave(self.traceback)  # of the master, from the time of loading
        for number, handler in self.handlers:
            set_handler(number, handler)
        # Before that handler, C writes where this thread is at once, whatever the interpreter is doing.
        write_frames(*self.traceback_arguments)
        write_frames(*self.frames_arguments)
        install_stacks(self.log_fd, self.traceback_fd)
        self.end_with_master()
        self.leave_handlers()
        memcpy(<void *>self.title_at, <const char *>self.title, <size_t>len(self.title))
        return ends[0]

    cdef int leave_handlers(self) except -1:
        """The exit handlers of the master stay with it."""
        if self.alone and not self.finalizers and count_handlers() == self.parents_count:
            for handler in self.parents_handlers:
                unregister(handler)
        else:
            self.parents.leave()
        return 0

    cdef int end_with_master(self) except -1:
        """Without a master nothing else would end a worker that hangs, and it holds the port."""
        limit_life(self.stop, self.master, self.life)
        prctl(PR_SET_PDEATHSIG, self.stop, 0, 0, 0)
        if getppid() != self.master:  # the kernel sends nothing any more
            raise_(self.stop)
        return 0
