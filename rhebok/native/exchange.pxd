from .csrc cimport (
    phr_request_head,
    rhb_body_framing,
    rhb_bytes,
    rhb_conn,
    rhb_head_result,
    rhb_io,
    rhb_lane,
    rhb_loop,
    rhb_response_head,
)
from .outgoing cimport Outgoing
from libc.stdint cimport uint64_t
from posix.types cimport pid_t

cdef extern from "text.h":
    bint rhb_latin1(object text, const char **data, size_t *size)


cdef enum Progress:
    FINISHED    # all of the response is with the kernel
    SUSPENDED   # the socket is full; resume() when it is writable
    BROKEN      # the response cannot be finished: the connection must not be used any more
    UPGRADED    # the application has had the socket (upgrade.pyx), and nobody has it any more
    SHARED      # the same, but somebody still has it


cdef class Exchange:
    # what it works with, for as long as it lives
    cdef rhb_loop *loop
    cdef object logger
    cdef bint allow_chunked
    cdef pid_t pid
    cdef object start_response_method   # bound, made once: the only ways in for the application
    cdef object write_method
    cdef object hints                   # early_hints.pyx: the EarlyHints of its environs

    # the request
    cdef rhb_lane *lane                 # of the thread that is at it
    cdef rhb_conn *conn
    cdef bint is_head
    cdef int minor_version
    cdef bint may_keep
    cdef bint running                   # between begin() and the last byte
    cdef dict environ
    cdef bint detached                  # from the loop's request: it has been suspended
    cdef phr_request_head *saved_head   # then
    cdef uint64_t started               # exact monotonic ns, while access logging is on

    # the response
    cdef rhb_response_head head
    cdef bint head_started, head_ended
    cdef bint client_gone               # found out by write()
    cdef bint keep_alive
    cdef rhb_body_framing framing
    cdef uint64_t left                  # bytes that Content-Length still wants
    cdef uint64_t body_sent
    cdef object iterable                # what the application returned; close() is due
    cdef object iterator                # None once exhausted, or for lists and files
    cdef object context                 # contextvars of a suspended iterator; the worker's affair
    cdef rhb_bytes logged_head

    # on its way out
    cdef rhb_bytes early                # what the socket did not take of early hints: before everything else
    cdef Outgoing outgoing
    cdef uint64_t noted                 # of what waits in memory, in the scoreboard

    cdef int begin(self, rhb_loop *loop, rhb_lane *lane, rhb_conn *conn) except -1
    cdef Progress run(self, object application, dict environ)
    cdef int detach(self) except -1
    cdef const phr_request_head *request_head(self) noexcept
    cdef Progress resume(self, rhb_lane *lane)
    cdef int score_begun(self) noexcept
    cdef int score_resumed(self) noexcept
    cdef int score_unsent(self, uint64_t now) noexcept
    cdef int finish(self, Progress progress) except -1
    cdef int end_in_child(self, object error) except -1
    cdef bint reusable(self)
    cdef int retire(self) except -1

    cdef bint is_pending(self) noexcept
    cdef int compose(self, object status, list headers) except -1
    cdef int end_head(self, object body_length) except -1
    cdef int put_early(self) except -1
    cdef int take(self, object result) except -1
    cdef int take_all(self, object blocks) except -1
    cdef bint take_file(self, object wrapper) except -1
    cdef Progress advance(self) except *
    cdef rhb_io advance_file(self) except *
    cdef rhb_io sendfile_failed(self, int error) except *
    cdef rhb_io read_file_instead(self) except *
    cdef int next_block(self) except -1
    cdef Progress at_end(self)
    cdef object within_length(self, object block, size_t size)
    cdef int put_block(self, object block) except -1
    cdef int put_last(self) except -1
    cdef rhb_io flush(self, bint ends) noexcept
    cdef Progress failed(self, object error)
    cdef int report(self, str message, tuple arguments, object error) except -1
    cdef int close_iterable(self) except -1
    cdef bytes logged_variable(self, str key)
    cdef int log_access(self) except -1

cpdef long live_exchanges()

# What becomes of the application's head, for the final response and for those before it.
cdef int refuse_text(object text, str what) except -1
cdef int refuse_head(rhb_head_result result, object name, object value) except -1

cdef inline int latin1(object text, str what, const char **data, size_t *size) except -1:
    """The bytes of a str that holds only latin-1, as PEP 3333 wants it. Valid while text lives."""
    if not rhb_latin1(text, data, size):
        refuse_text(text, what)
    return 0
