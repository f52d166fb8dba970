from .csrc cimport phr_request_head, rhb_access_entry, rhb_bytes, rhb_conn, rhb_lap, rhb_loop, rhb_records, rhb_reports
from libc.stdint cimport uint64_t
from posix.types cimport pid_t


cdef class AccessLine:
    cdef object logger
    cdef pid_t pid
    cdef uint64_t started          # monotonic ns, when the exchange began
    cdef dict environ              # of the request
    cdef rhb_bytes response_head   # a copy

    cdef int keep_head(self, const rhb_bytes *head) except -1
    cdef int report(self, rhb_loop *loop, rhb_conn *conn, const phr_request_head *request, int status,
                    uint64_t body_bytes, str request_id, const rhb_lap *lap) except -1
    cdef int write(self, rhb_reports *reports, rhb_access_entry *entry, rhb_conn *conn) except -1
    cdef int write_lines(self, rhb_reports *reports, rhb_access_entry *entry) except -1
    cdef int add(self, rhb_reports *reports, rhb_access_entry *entry, rhb_records *records) except -1
    cdef int keeper_is_full(self, object keeper, size_t kept) except -1
    cdef int call(self, object access, rhb_access_entry *entry) except -1
    cdef bytes variable(self, str key)
