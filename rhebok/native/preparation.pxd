from .loop_setup cimport LoopSetup
from .service cimport Service


cdef class Preparation:
    cdef LoopSetup setup
    cdef Service service
    cdef tuple lanes        # one for each thread, not of a loop yet
    cdef object settings    # the same object as that of the worker
    cdef bint taken         # by a worker

    cdef int take(self, object settings) except -1
