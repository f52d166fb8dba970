# cython: binding=False
"""What the worker does when its application forks: the child must not serve, nor change the loop of its parent."""

import os

cimport cython
from libc.errno cimport errno

from .csrc cimport rhb_loop_forked, rhb_mover_pause, rhb_mover_resume


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
        fork(2) has failed. Raises RuntimeError when the mover cannot go on; Python reports that."""
        if not self.go_on():
            raise RuntimeError(f"can't start the mover again: {os.strerror(errno)}")

    @cython.critical_section
    cdef bint go_on(self) noexcept:
        if self.loop is NULL:
            return True
        self.loop.forks = True
        return rhb_mover_resume(self.loop)

    @cython.critical_section
    cdef int forget(self) except -1:
        """The loop is going to be freed."""
        self.loop = NULL
        return 0

    def in_child(self):
        """in_child() -> None: the child closes its epoll, see rhb_loop_forked."""
        if self.loop is not NULL:
            rhb_loop_forked(self.loop)
