# cython: binding=False
"""What the worker does when its application forks: the child must not serve, nor change the loop of its parent.

From 3.13 on, Python counts the threads after the callbacks of a fork, and warns if there are several. So the worker's
own threads, which were not there while it forked, go on when os.fork() has returned.
"""

import os
from _thread import get_ident  # of the time before an application replaces it
from threading import main_thread

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.errno cimport errno

from .csrc cimport rhb_loop_forked, rhb_mover_pause, rhb_mover_resume

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*call)(void *) noexcept, void *argument)
    ctypedef struct PyFrameObject:
        pass
    PyFrameObject *PyEval_GetFrame()
    void PyErr_WriteUnraisable(PyObject *where)


cdef class _Deferred:
    """What is called when `frame`, which forks, goes on."""

    cdef object call, frame


cdef object running_frame():
    cdef PyObject *frame = <PyObject *>PyEval_GetFrame()
    return None if frame is NULL else <object>frame


cdef bint is_within(object frame):
    """Whether that frame waits for another one to return: a callback of its fork."""
    cdef object running = running_frame()
    if running is frame:
        return False
    while running is not None and running is not frame:
        running = running.f_back
    return running is frame


cdef int call_deferred(void *argument) noexcept:
    """A pending call of Python's."""
    cdef _Deferred deferred = <_Deferred>argument
    if is_within(deferred.frame) and Py_AddPendingCall(call_deferred, argument) == 0:
        return 0
    Py_DECREF(deferred)
    try:
        deferred.call()
    except BaseException:
        PyErr_WriteUnraisable(<PyObject *>deferred.call)
    return 0


def after_fork(call, frame):
    """after_fork(call: Callable[[], None], frame: FrameType | None) -> None: for a callback of os.register_at_fork.
    Calls it when that frame, which forks, goes on. In a thread that is not the main one it is called at once: then
    Python counts several threads anyway."""
    cdef _Deferred deferred = _Deferred()
    deferred.call, deferred.frame = call, frame
    if frame is not None and get_ident() == main_thread().ident:
        Py_INCREF(deferred)
        if Py_AddPendingCall(call_deferred, <void *>deferred) == 0:
            return
        Py_DECREF(deferred)
    call()


cdef class AtFork:
    """AtFork(): callbacks for os.register_at_fork, which keeps them for the life of the process. So they are methods of
    a small object, and the worker sets its `loop` to NULL when it has ended."""

    @cython.critical_section
    def before(self):
        """before() -> None: the child must not get a loop that the mover is just changing."""
        if self.loop is not NULL:
            rhb_mover_pause(self.loop)

    def in_parent(self):
        """in_parent() -> None: from now on a child may hold the descriptors that the worker closes. Also called when
        fork(2) has failed."""
        self.note_fork()
        after_fork(self.resume, running_frame())

    def resume(self):
        """resume() -> None: the mover is there again. Raises RuntimeError when it cannot; Python reports that."""
        if not self.go_on():
            raise RuntimeError(f"can't start the mover again: {os.strerror(errno)}")

    @cython.critical_section
    cdef int note_fork(self) except -1:
        if self.loop is not NULL:
            self.loop.forks = True
        return 0

    @cython.critical_section
    cdef bint go_on(self) noexcept:
        return self.loop is NULL or rhb_mover_resume(self.loop)

    @cython.critical_section
    cdef int forget(self) except -1:
        """The loop is going to be freed."""
        self.loop = NULL
        return 0

    def in_child(self):
        """in_child() -> None: the child closes its epoll, see rhb_loop_forked."""
        if self.loop is not NULL:
            rhb_loop_forked(self.loop)
