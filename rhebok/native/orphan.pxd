from posix.types cimport pid_t


cpdef int limit_life(int number, pid_t parent, double seconds) except -1
