# cython: binding=False
"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling").

An application returns one; the exchange sends it with sendfile(2) when it wraps a regular file, and
iterates it otherwise.
"""


cdef class FileWrapper:
    """FileWrapper(filelike, blksize=8192): an iterator over blocks of filelike.read(blksize).

    filelike: anything with read(int) -> bytes; its close(), where it has one, is called when the
    response ends. Sent from its current position.
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
        """Closes the wrapped file."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()
