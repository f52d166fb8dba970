# cython: binding=False
"""What is reported of one response, to the access log and to statsd: what has to be kept until the response ends, and
the writing.

Each exchange has one, and uses it only while requests are reported.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset
from libc.time cimport time
from posix.unistd cimport getpid

from .csrc cimport (
    RHB_ACCESS_VARIABLES,
    RHB_PEER_TEXT,
    phr_request_head,
    rhb_access_entry,
    rhb_access_log_add,
    rhb_access_log_environ_key,
    rhb_bytes_append,
    rhb_bytes_free,
    rhb_conn,
    rhb_conn_waited_ns,
    rhb_lap,
    rhb_lock_give,
    rhb_lock_take,
    rhb_loop,
    rhb_now_exact,
    rhb_peer,
    rhb_peer_text,
    rhb_records,
    rhb_records_add,
    rhb_records_environ_key,
    rhb_reports,
    rhb_reports_select,
    rhb_statsd_add,
)
from .error_log cimport log_error
from .text cimport rhb_latin1

cdef enum:
    FULL = 32 * 1024  # bytes of records at which somebody has to take them


cdef class AccessLine:
    """AccessLine(logger): no request yet. logger: for environ variables that have no text."""

    def __cinit__(self, logger):
        self.logger = logger
        self.pid = getpid()  # a system call, so not for each line

    def __dealloc__(self):
        rhb_bytes_free(&self.response_head)

    cdef int keep_head(self, const rhb_bytes *head) except -1:
        """Copies the response head, for the fields that the format names. Without memory they are empty."""
        self.response_head.len = 0
        rhb_bytes_append(&self.response_head, head.data, head.len)
        return 0

    cdef int report(self, rhb_loop *loop, rhb_conn *conn, const phr_request_head *request, int status,
                    uint64_t body_bytes, str request_id, const rhb_lap *lap) except -1:
        """Reports the response to this request, to all that there is. request may be NULL, request_id None.

        A connection that was upgraded is not timed."""
        cdef rhb_access_entry entry
        memset(&entry, 0, sizeof(entry))
        entry.request = request
        entry.status = status
        entry.body_bytes = body_bytes
        entry.timed = status != 101
        entry.queue_ns, entry.away_ns = lap.began - lap.arrived, lap.away
        entry.waited_ns = rhb_conn_waited_ns(conn)
        entry.sender, entry.proxies = &conn.peer, &loop.options.forwarded.allowed
        if request_id is not None:
            rhb_latin1(request_id, &entry.request_id, &entry.request_id_len)
        return self.write(loop.reports, &entry, conn)

    cdef int write(self, rhb_reports *reports, rhb_access_entry *entry, rhb_conn *conn) except -1:
        cdef char peer[RHB_PEER_TEXT]
        cdef const rhb_peer *client = &conn.client if conn.has_client else &conn.peer
        entry.duration_ns = rhb_now_exact() - self.started
        if reports.lines:
            entry.peer = peer
            entry.peer_len = rhb_peer_text(client, peer)
        conn.has_client = False  # before what may run Python code
        if reports.statsd is not NULL:
            rhb_lock_take(&reports.lock)
            rhb_statsd_add(reports.statsd, entry)
            rhb_lock_give(&reports.lock)
        return self.write_lines(reports, entry) if reports.lines and rhb_reports_select(reports, entry) else 0

    cdef int write_lines(self, rhb_reports *reports, rhb_access_entry *entry) except -1:
        entry.response_head = self.response_head.data
        entry.response_head_len = self.response_head.len
        entry.pid = self.pid
        entry.finished = time(NULL)
        if reports.access_log is not NULL:
            self.add(reports, entry, NULL)
        if reports.records is not NULL and reports.access is NULL:
            self.add(reports, entry, reports.records)
        if reports.access is not NULL and self.environ is not None:
            self.call(<object>reports.access, entry)  # the records are those of refused requests then
        return 0

    cdef int add(self, rhb_reports *reports, rhb_access_entry *entry, rhb_records *records) except -1:
        """Adds a line to the access log's batch, or to the records (not NULL), with the environ variables that its
        format names."""
        cdef const char *values[RHB_ACCESS_VARIABLES]
        cdef size_t sizes[RHB_ACCESS_VARIABLES]
        cdef const char *key
        cdef size_t kept
        # values points into these. None when the connection may belong to another thread (upgrade.log_cut): making a
        # list may collect garbage, which runs code of the application and so that thread.
        cdef list held = None if self.environ is None else []
        entry.environ = values
        entry.environ_len = sizes
        for index in range(RHB_ACCESS_VARIABLES):
            if records is NULL:
                key = rhb_access_log_environ_key(reports.access_log, index)
            else:
                key = rhb_records_environ_key(records, index)
            if key is NULL:
                break
            if held is None:
                values[index] = b""
                sizes[index] = 0
                continue
            encoded = self.variable(key.decode("latin-1"))
            held.append(encoded)
            values[index] = encoded
            sizes[index] = len(encoded)
        if records is NULL:
            rhb_lock_take(&reports.lock)
            rhb_access_log_add(reports.access_log, entry)
            rhb_lock_give(&reports.lock)
            return 0
        kept = rhb_records_add(records, entry)
        if kept >= FULL and held is not None:
            self.keeper_is_full(<object>reports.keeper, kept)
        return 0

    cdef int keeper_is_full(self, object keeper, size_t kept) except -1:
        try:
            keeper.full(kept)
        except BaseException as error:
            log_error(self.logger, "the lines of the access log cannot be handled", (), error)
        return 0

    cdef int call(self, object access, rhb_access_entry *entry) except -1:
        """The user's own logging of the response."""
        cdef bytes head = entry.response_head[:entry.response_head_len] if entry.response_head_len > 0 else b""
        try:
            access(self.environ, entry.status, head, entry.body_bytes, entry.duration_ns)
        except BaseException as error:
            log_error(self.logger, "access() of the logger class failed", (), error)
        return 0

    cdef bytes variable(self, str key):
        """The text of an environ variable. str() of what the application put there may raise: that is logged."""
        try:
            return str(self.environ.get(key, "")).encode("utf-8", "backslashreplace")
        except BaseException as error:
            log_error(self.logger, "environ[%r] has no text for the access log", (key,), error)
            return b""
