cpdef int install(int fd) except -1
