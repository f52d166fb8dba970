# cython: binding=False
"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling").

The application returns one. It is sent with sendfile(2) when it wraps a regular file, and iterated otherwise.
"""

import os
import stat
from io import BufferedRandom, BufferedReader, FileIO

cdef tuple FILE_TYPES = (BufferedReader, BufferedRandom, FileIO)


cdef object plain_file(object filelike):
    """The binary file object whose descriptor reads exactly what filelike.read() returns. None when there is none: a
    GzipFile has a fileno() too, but that reads the compressed bytes."""
    file = filelike
    if type(file) not in FILE_TYPES:
        file = getattr(filelike, "file", None)  # tempfile's wrappers and Django's File have it there
    if type(file) not in FILE_TYPES or type(file if type(file) is FileIO else file.raw) is not FileIO:
        return None
    return file if file is filelike or reads_as(filelike, file) else None


cdef bint reads_as(object wrapper, object file) except -1:
    """Whether the wrapper's read() is the file's. A read() of its own may decrypt, for instance."""
    read = getattr(wrapper, "read", None)
    return getattr(read, "__wrapped__", read) == file.read  # tempfile wraps it once more


cdef tuple regular_file(object filelike):
    """(descriptor, position, bytes behind the position) of a regular file, as ints. None when filelike is none, or
    when no byte follows: a file of /proc has no size until it is read."""
    file = plain_file(filelike)
    if file is None:
        return None
    try:
        descriptor = file.fileno()
        if type(file) is BufferedRandom:
            file.flush()  # what has been written to it may not have reached the file
        status = os.fstat(descriptor)
        position = file.tell()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size <= position:
        return None
    return descriptor, position, status.st_size - position


cdef int close_file(object file) except -1:
    """Closes a file that is not None."""
    if file is not None:
        file.close()
    return 0


cdef class FileWrapper:
    """FileWrapper(filelike, blksize=8192): an iterator over the blocks of filelike.read(blksize) (PEP 3333).

    filelike: an object with read(int) -> bytes. It is sent from its current position; its close(), if it has one, is
    called when the response ends.
    blksize: bytes.
    """

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block

    def close(self):
        """close() -> None: closes the wrapped file, if it has a close()."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()
