from .csrc cimport rhb_bytes, rhb_io
from libc.stdint cimport uint64_t
from posix.types cimport off_t


cdef class Outgoing:
    # sent in this order: out, then pieces, then tail, then the file
    cdef rhb_bytes out
    cdef size_t out_at                  # the first byte that is not sent
    cdef list pieces                    # bytes objects, None for those that are sent; or None
    cdef uint64_t pieces_left           # bytes of them that are not sent
    cdef Py_ssize_t piece               # the first that is not sent
    cdef size_t piece_at                # the first byte of it that is not sent
    cdef const char *tail
    cdef size_t tail_len
    cdef int file                       # -1 for none; not owned
    cdef off_t file_at
    cdef uint64_t file_left
    cdef uint64_t sent                  # bytes that the kernel has taken,
    cdef uint64_t sent_before           # and those of them that came before the response: early hints

    cdef int put_first(self, rhb_bytes *first) except -1
    cdef int put_pieces(self, list pieces, uint64_t size) except -1
    cdef int put_file(self, int file, off_t position, uint64_t size) except -1
    cdef bint is_pending(self) noexcept
    cdef uint64_t in_memory(self) noexcept
    cdef rhb_io flush(self, int fd, bint ends) noexcept
    cdef rhb_io flush_pieces(self, int fd, bint ends) noexcept
    cdef rhb_io drop_if_nobody_reads(self) noexcept
    cdef void advance(self, size_t done) noexcept
    cdef Py_ssize_t pass_pieces(self, list pieces, size_t done) noexcept
    cdef rhb_io send_file(self, int fd, uint64_t *moved) noexcept
    cdef int drop_body(self) except -1
    cdef int clear(self) except -1
