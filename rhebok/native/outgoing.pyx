# cython: binding=False
"""The bytes that wait to be sent to a client: a buffer, blocks of the application that are not copied, a file. The
exchange fills it and flushes it, as far as the socket takes it.

Nothing here waits, and nothing here knows HTTP.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport errno
from libc.string cimport memcpy, memmove

from .csrc cimport (
    RHB_IO_ERROR,
    RHB_IO_OK,
    iovec,
    rhb_bytes,
    rhb_bytes_free,
    rhb_bytes_reserve,
    rhb_send,
    rhb_send_more,
    rhb_sendfile,
    rhb_sendv,
)

cdef extern from "<errno.h>" nogil:
    enum: ENOTSOCK

cdef enum:
    OUT_KEEP = 65536          # capacity of `out` that is kept from one response to the next
    MAX_PIECES = 1000         # in one writev, below IOV_MAX
    FILE_STEP = 1 << 30       # bytes of one sendfile


@cython.final
cdef class Outgoing:
    """Outgoing(): empty."""

    def __cinit__(self):
        self.file = -1

    def __dealloc__(self):
        rhb_bytes_free(&self.out)

    cdef int put_first(self, rhb_bytes *first) except -1:
        """Copies bytes before those of `out`."""
        if not rhb_bytes_reserve(&self.out, first.len):
            raise MemoryError
        memmove(self.out.data + first.len, self.out.data, self.out.len)
        memcpy(self.out.data, first.data, first.len)
        self.out.len += first.len
        return 0

    cdef int put_pieces(self, list pieces, uint64_t size) except -1:
        """Adds blocks that are not copied. The list belongs to the Outgoing, which removes each block that is sent."""
        self.pieces = pieces
        self.pieces_left = size
        self.piece = 0
        self.piece_at = 0
        return 0

    cdef int put_file(self, int file, off_t position, uint64_t size) except -1:
        """Bytes of a file that go out after everything else. The descriptor stays the caller's."""
        self.file = file
        self.file_at = position
        self.file_left = size
        return 0

    cdef bint is_pending(self) noexcept:
        """Whether bytes in memory have not been sent."""
        return self.pieces is not None or self.out_at < self.out.len

    cdef uint64_t in_memory(self) noexcept:
        """How many bytes in memory wait: the rest of a list, or of one block of an iterator; a file does not count."""
        return self.out.len - self.out_at + self.pieces_left

    cdef rhb_io flush(self, int fd, bint ends) noexcept:
        """Sends out, pieces and tail. OK: all of it is sent. ends: the connection ends right behind these bytes (TCP
        then makes one packet of the last bytes and the end: rhb_loop_done)."""
        cdef rhb_io io
        cdef size_t done
        if self.pieces is not None:
            return self.flush_pieces(fd, ends)
        if self.out_at == self.out.len:
            return RHB_IO_OK
        if ends or self.file_left > 0:
            io = rhb_send_more(fd, self.out.data + self.out_at, self.out.len - self.out_at, &done)
        else:
            io = rhb_send(fd, self.out.data + self.out_at, self.out.len - self.out_at, &done)
        self.out_at += done
        self.sent += done
        if io == RHB_IO_OK:
            self.out.len = self.out_at = 0
        return self.drop_if_nobody_reads() if io == RHB_IO_ERROR else io

    cdef rhb_io drop_if_nobody_reads(self) noexcept:
        """After an error. A response without a client (csrc/loop/caching.h) has no socket: it is dropped as if it had
        been sent, but for a file, which is read then."""
        if errno != ENOTSOCK:
            return RHB_IO_ERROR
        self.out.len = self.out_at = 0
        self.pieces_left = self.tail_len = 0
        self.pieces = None
        return RHB_IO_OK

    cdef rhb_io flush_pieces(self, int fd, bint ends) noexcept:
        """The same when there are pieces: as many as fit into each writev(2)."""
        cdef iovec parts[MAX_PIECES + 2]
        cdef size_t count, done
        cdef list pieces = self.pieces
        cdef Py_ssize_t index, total = len(pieces)
        cdef rhb_io io
        cdef object block
        while self.pieces is pieces:
            count = 0
            if self.out_at < self.out.len:
                parts[0].iov_base = self.out.data + self.out_at
                parts[0].iov_len = self.out.len - self.out_at
                count = 1
            index = self.piece
            while index < total and count <= MAX_PIECES:
                block = pieces[index]
                parts[count].iov_base = PyBytes_AS_STRING(block)
                parts[count].iov_len = <size_t>PyBytes_GET_SIZE(block)
                if index == self.piece:
                    parts[count].iov_base = <char *>parts[count].iov_base + self.piece_at
                    parts[count].iov_len -= self.piece_at
                count += 1
                index += 1
            if index == total and self.tail_len > 0:
                parts[count].iov_base = <void *>self.tail
                parts[count].iov_len = self.tail_len
                count += 1
            io = rhb_sendv(fd, parts, count, ends and index == total, &done)
            self.sent += done
            self.advance(done)
            if io != RHB_IO_OK:
                return self.drop_if_nobody_reads() if io == RHB_IO_ERROR else io
        return RHB_IO_OK

    cdef void advance(self, size_t done) noexcept:
        """So many bytes of out, pieces and tail have been sent. The blocks are dropped at the end: a subclass of
        bytes may have a __del__, which runs code of the application and so its other threads."""
        cdef size_t size = self.out.len - self.out_at
        cdef list pieces = self.pieces
        cdef Py_ssize_t first = self.piece, last
        if done < size:
            self.out_at += done
            return
        done -= size
        self.out.len = self.out_at = 0
        last = self.pass_pieces(pieces, done)
        while first < last:
            pieces[first] = None
            first += 1

    cdef Py_ssize_t pass_pieces(self, list pieces, size_t done) noexcept:
        """So many bytes of pieces and tail have been sent. Returns the index of the first piece that is not sent."""
        cdef size_t size
        cdef Py_ssize_t total = len(pieces)
        while self.piece < total:
            size = <size_t>PyBytes_GET_SIZE(pieces[self.piece]) - self.piece_at
            if done < size:
                self.piece_at += done
                self.pieces_left -= done
                return self.piece
            done -= size
            self.pieces_left -= size
            self.piece += 1
            self.piece_at = 0
        self.tail += done
        self.tail_len -= done
        if self.tail_len == 0:
            self.pieces = None  # which frees nothing: the caller has it
        return total

    cdef rhb_io send_file(self, int fd, uint64_t *moved) noexcept:
        """Sends the file, when everything else is sent. *moved: how many bytes of it. EOF: the file has become
        shorter."""
        cdef size_t done
        cdef rhb_io io = RHB_IO_OK
        moved[0] = 0
        while self.file_left > 0 and io == RHB_IO_OK:
            io = rhb_sendfile(fd, self.file, &self.file_at, <size_t>min(self.file_left, <uint64_t>FILE_STEP), &done)
            self.file_left -= done
            moved[0] += done
            self.sent += done
        return io

    cdef int drop_body(self) except -1:
        """Drops pieces, tail and file."""
        self.pieces_left = self.tail_len = 0
        self.file = -1
        self.file_left = 0
        if self.pieces is not None:
            self.pieces = None  # last: it may run code of the application
        return 0

    cdef int clear(self) except -1:
        """Drops everything."""
        self.out.len = self.out_at = 0
        if self.out.cap > OUT_KEEP:
            rhb_bytes_free(&self.out)
        return self.drop_body()
