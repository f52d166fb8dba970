cpdef int install(int fd, int frames_fd) except -1
