# cython: binding=False
"""wsgi.input for the requests that have no body: most of them, so one object serves them all.

Bodies that are there are a BytesIO or an ordinary file (worker.pyx makes them).
"""


cdef class EmptyBody:
    """A readable, seekable binary file of no bytes. It has no state, so sharing it is safe."""

    def read(self, size=-1):
        """Always b""."""
        return b""

    read1 = read

    def readline(self, size=-1):
        """Always b""."""
        return b""

    def readlines(self, hint=-1):
        """Always []."""
        return []

    def readinto(self, buffer):
        """Always 0."""
        return 0

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        return None

    def seek(self, offset, whence=0):
        """Always 0: there is no other place."""
        return 0

    def tell(self):
        """Always 0."""
        return 0

    def readable(self):
        """True."""
        return True

    def writable(self):
        """False."""
        return False

    def seekable(self):
        """True."""
        return True

    def flush(self):
        """Does nothing."""

    def close(self):
        """Does nothing: other requests read it too."""

    @property
    def closed(self):
        """False."""
        return False
