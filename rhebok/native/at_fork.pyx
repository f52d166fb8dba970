# cython: binding=False
"""What the worker does when its application forks: the child must not serve, nor change the loop of its parent."""

from .csrc cimport rhb_loop_admit_mover, rhb_loop_forked, rhb_loop_keep_mover_out


cdef class AtFork:
    """AtFork(): callbacks for os.register_at_fork, which keeps them for the life of the process. So they are methods of
    a small object, and the worker sets its `loop` to NULL when it has ended."""

    def before(self):
        """before() -> None: the child must not get a loop that the mover is just changing."""
        if self.loop is not NULL:
            rhb_loop_keep_mover_out(self.loop)

    def in_parent(self):
        """in_parent() -> None: from now on a child may hold the descriptors that the worker closes. Also called when
        fork(2) has failed."""
        if self.loop is not NULL:
            self.loop.forks = True
            rhb_loop_admit_mover(self.loop)

    def in_child(self):
        """in_child() -> None: the child closes its epoll, see rhb_loop_forked."""
        if self.loop is not NULL:
            rhb_loop_forked(self.loop)
