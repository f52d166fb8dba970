from .csrc cimport rhb_loop


cdef class AtFork:
    cdef rhb_loop *loop

    cdef int note_fork(self) except -1
    cdef bint go_on(self) noexcept
    cdef int forget(self) except -1
