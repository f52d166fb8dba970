from .access_line cimport AccessLine
from .csrc cimport RHB_IO_ERROR, phr_request_head, rhb_bytes, rhb_conn, rhb_io, rhb_lane, rhb_lap, rhb_loop
from .outgoing cimport Outgoing
from .response_body cimport ResponseBody
from .response_head cimport ResponseHead
from libc.stdint cimport int64_t, uint64_t


cdef enum Progress:
    FINISHED    # all of the response is with the kernel
    SUSPENDED   # the socket is full; resume() when it is writable
    BROKEN      # the response cannot be finished: the connection must not be used any more
    UPGRADED    # the application had the socket (upgrade.pyx), and all copies of it are closed
    SHARED      # the application had the socket, and a copy of it is still open


cdef class Exchange:
    # for the life of the exchange
    cdef rhb_loop *loop
    cdef object logger
    cdef bint allow_chunked
    cdef object start_response_method   # bound, made once; the application reaches the exchange
    cdef object write_method            # only through these two
    cdef object hints                   # early_hints.pyx: the EarlyHints of its environs

    # the request
    cdef rhb_lane *lane                 # of the thread that serves it now
    cdef rhb_conn *conn
    cdef bint running                   # between start() and finish()
    cdef bint detached                  # the lane no longer has the request: the response has been suspended
    cdef bint client_gone               # write() found the client gone, or too slow
    cdef bint gathers                   # the cache gets its body (response_cache.pyx)
    cdef bint has_lap                   # it has waited for its client, so its time is in `lap`
    cdef phr_request_head *saved_head   # a copy, then
    cdef str request_id                 # None without --request-id

    # the response
    cdef ResponseHead head
    cdef ResponseBody body
    cdef AccessLine access_line
    cdef int waiting                    # threads that wait for the client in write()
    cdef object iterable                # what the application returned; its close() is still to be called
    cdef object iterator                # None once exhausted, or for lists and files
    cdef object context                 # contextvars of a suspended response; request_handler.pyx uses it

    # the file that the application has named (named_files.pyx)
    cdef object named_files             # NamedFiles; None without --sendfile-root
    cdef bint named                     # it has named one
    cdef object named_file              # a FileIO; None when another body is sent
    cdef bytes named_text               # that body
    cdef uint64_t named_at              # the first byte of the file that is sent

    # on its way to the client
    cdef rhb_bytes unsent_hints         # early hints that the socket did not take: they go out first
    cdef Outgoing outgoing
    cdef uint64_t scored_unsent         # bytes in memory, as the scoreboard has them

    # for the board
    cdef rhb_lap lap
    cdef uint64_t suspended_at          # exact ns

    cdef int start(self, rhb_loop *loop, rhb_lane *lane, rhb_conn *conn) except -1
    cdef int detach(self) except -1
    cdef int wait_lap(self, uint64_t away) noexcept
    cdef int end_other_lap(self) noexcept
    cdef const phr_request_head *request_head(self) noexcept
    cdef int finish(self, Progress progress) except -1
    cdef int end_unusually(self, Progress progress) noexcept
    cdef int end_waits(self) noexcept
    cdef int close_iterable(self) except -1
    cdef bint is_reusable(self)
    cdef int retire(self) except -1

    cdef int score_start(self) noexcept
    cdef int score_resume(self) noexcept
    cdef int score_unsent(self, uint64_t bytes) noexcept
    cdef int score_progress(self) noexcept
    cdef int log_access(self) except -1

    cdef int flush_or_wait(self) except -1
    cdef int must_be_running(self) except -1
    cdef rhb_io wait_for_client(self) except? RHB_IO_ERROR
    cdef bint is_pending(self) noexcept
    cdef bint end_head(self, int64_t body_length, int64_t in_hand) except -1
    cdef bint end_head_of_any(self, int64_t body_length, int64_t in_hand) except -1
    cdef int put_head(self, int64_t body_length) except -1
    cdef int put_block(self, object block) except -1
    cdef rhb_io flush(self, bint ends) noexcept
    cdef dict identifiers(self)

cpdef long live_exchanges()
