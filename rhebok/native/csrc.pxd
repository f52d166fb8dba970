"""The C interface, declared once. csrc/*.h say what each thing means."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.time cimport time_t
from posix.types cimport off_t, pid_t

cdef extern from "sys/uio.h" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "base/shared_words.h" nogil:
    void rhb_shared_load(char *to, const void *shared, size_t words)

cdef extern from "base/bytes.h" nogil:
    struct rhb_bytes:
        char *data
        size_t len
        size_t cap
    bint rhb_bytes_reserve(rhb_bytes *bytes, size_t more)
    void rhb_bytes_free(rhb_bytes *bytes)
    void rhb_bytes_put(rhb_bytes *bytes, const void *data, size_t len)
    bint rhb_bytes_append(rhb_bytes *bytes, const void *data, size_t len)

cdef extern from "http/field_name.h" nogil:
    bint rhb_same_name(const char *name, const char *lower, size_t len)

cdef extern from "picohttpparser/strict.h" nogil:
    struct phr_header:
        const char *name
        size_t name_len
        const char *value
        size_t value_len
    struct phr_limits:
        size_t line
        size_t head
        size_t field
    struct phr_request_head:
        const char *method
        size_t method_len
        const char *target
        size_t target_len
        int minor_version
        phr_header *fields
        size_t num_fields

cdef extern from "http/target.h" nogil:
    struct rhb_target:
        const char *path
        size_t path_len
        const char *query
        size_t query_len
        const char *authority
        size_t authority_len

cdef extern from "http/framing.h" nogil:
    enum rhb_body_kind:
        RHB_BODY_NONE
        RHB_BODY_LENGTH
        RHB_BODY_CHUNKED
    struct rhb_framing:
        rhb_body_kind body
        uint64_t content_length
        bint keep_alive
        bint upgrade
        const char *host
        size_t host_len

cdef extern from "http/response_head.h" nogil:
    enum rhb_head_result:
        RHB_HEAD_OK
        RHB_HEAD_BAD_STATUS
        RHB_HEAD_BAD_NAME
        RHB_HEAD_BAD_VALUE
        RHB_HEAD_BAD_LENGTH
        RHB_HEAD_NO_MEMORY
    enum rhb_body_framing:
        RHB_FRAME_NONE
        RHB_FRAME_LENGTH
        RHB_FRAME_CHUNKED
        RHB_FRAME_CLOSE
    struct rhb_response_head:
        rhb_bytes *out
        size_t start
        int status
        bint has_length
        bint app_closes
        uint64_t content_length
    struct rhb_head_context:
        int minor_version
        bint is_head
        bint keep_alive
        bint allow_chunked
        int64_t body_length
        const char *date
        const char *server
        size_t server_len
    struct rhb_head_outcome:
        rhb_body_framing framing
        uint64_t content_length
        bint keep_alive
    rhb_head_result rhb_head_begin(rhb_response_head *head, rhb_bytes *out, const char *status, size_t status_len)
    rhb_head_result rhb_head_field(rhb_response_head *head, const char *name, size_t name_len,
                                   const char *value, size_t value_len)
    bint rhb_head_has_field(const rhb_response_head *head, const char *lower, size_t len)
    rhb_head_result rhb_head_end(rhb_response_head *head, const rhb_head_context *context,
                                 rhb_head_outcome *outcome)

cdef extern from "loop/socket_io.h" nogil:
    enum rhb_io:
        RHB_IO_OK
        RHB_IO_AGAIN
        RHB_IO_EOF
        RHB_IO_ERROR
    rhb_io rhb_send(int fd, const void *data, size_t len, size_t *done)
    rhb_io rhb_send_more(int fd, const void *data, size_t len, size_t *done)
    rhb_io rhb_sendv(int fd, iovec *iov, size_t count, bint more, size_t *done)
    rhb_io rhb_sendfile(int fd, int file, off_t *offset, size_t len, size_t *done)
    rhb_io rhb_wait_writable(int fd, uint64_t deadline)
    uint32_t rhb_unsent(int fd)
    void rhb_reset_on_close(int fd)

cdef extern from "loop/body.h" nogil:
    struct rhb_body_memory:
        void *(*make)(size_t size, char **data) noexcept
        void (*release)(void *block) noexcept
        size_t block_size
    struct rhb_body:
        void **full
        size_t n_full
        size_t block_size
        void *block
        char *data
        uint64_t len
        int fd
    const char *rhb_body_directory()

cdef extern from "base/heap.h" nogil:
    void rhb_heap_keep(size_t block)

cdef extern from "log/error_line.h" nogil:
    enum rhb_error_form:
        RHB_ERROR_TEXT
        RHB_ERROR_JSON
        RHB_ERROR_PRIORITY

cdef extern from "log/access_log.h" nogil:
    enum:
        RHB_ACCESS_VARIABLES
    struct rhb_access_log:
        pass
    struct rhb_access_entry:
        const phr_request_head *request
        const char *peer
        size_t peer_len
        int status
        uint64_t body_bytes
        const char *response_head
        size_t response_head_len
        const char *const *environ
        const size_t *environ_len
        const char *request_id
        size_t request_id_len
        const rhb_peer *sender
        const rhb_allowed_peers *proxies
        time_t finished
        uint64_t duration_ns
        bint timed
        uint64_t queue_ns
        uint64_t away_ns
        uint64_t waited_ns
        pid_t pid
    rhb_access_log *rhb_access_log_new(const char *format, const char **error, size_t *error_at)
    int rhb_access_log_open(rhb_access_log *log, const char *path, int fd)
    const char *rhb_access_log_environ_key(const rhb_access_log *log, size_t index)
    void rhb_access_log_add(rhb_access_log *log, const rhb_access_entry *entry)
    void rhb_access_log_errors_to(rhb_access_log *log, int fd, rhb_error_form form)
    void rhb_access_log_finish(rhb_access_log *log)
    void rhb_access_log_free(rhb_access_log *log)

cdef extern from "loop/accept_queue.h" nogil:
    uint32_t rhb_accept_queue_length(int fd, bint is_unix)

cdef extern from "log/statsd.h" nogil:
    struct rhb_statsd:
        pass
    rhb_statsd *rhb_statsd_new(int fd, const char *path, const char *prefix, const char *tags)
    void rhb_statsd_add(rhb_statsd *statsd, const rhb_access_entry *entry)
    void rhb_statsd_free(rhb_statsd *statsd)

cdef extern from "log/records.h" nogil:
    struct rhb_records:
        pass
    rhb_records *rhb_records_new(const char *format, const char *line, const char **error, size_t *error_at)
    const char *rhb_records_environ_key(const rhb_records *records, size_t index)
    size_t rhb_records_add(rhb_records *records, const rhb_access_entry *entry)
    void rhb_records_take(rhb_records *records, rhb_bytes *out, uint64_t *lost)
    void rhb_records_free(rhb_records *records)

cdef extern from "base/lock.h" nogil:
    struct rhb_lock:
        pass
    void rhb_lock_init(rhb_lock *lock)
    void rhb_lock_take(rhb_lock *lock)
    void rhb_lock_give(rhb_lock *lock)

cdef extern from "log/selection.h" nogil:
    struct rhb_selection:
        pass
    rhb_selection *rhb_selection_new(double share, uint64_t slow_ns)
    bint rhb_selection_exclude(rhb_selection *selection, const char *path)
    void rhb_selection_free(rhb_selection *selection)

cdef extern from "log/reports.h" nogil:
    struct rhb_reports:
        rhb_access_log *access_log
        rhb_statsd *statsd
        rhb_records *records
        rhb_selection *selection
        void *keeper
        void *access
        bint lines
        rhb_lock lock
    bint rhb_reports_select(const rhb_reports *reports, const rhb_access_entry *entry)
    void rhb_reports_finish(rhb_reports *reports)

cdef extern from "http/saved_head.h" nogil:
    phr_request_head *rhb_head_save(const phr_request_head *head)

cdef extern from "base/clock.h" nogil:
    enum: RHB_NS_PER_SECOND
    struct rhb_clock:
        pass
    uint64_t rhb_now_coarse()
    uint64_t rhb_now_exact()
    const char *rhb_clock_date(rhb_clock *clock)

cdef extern from "base/peer.h" nogil:
    enum: RHB_PEER_TEXT
    struct rhb_peer:
        uint8_t family
        uint16_t port
    size_t rhb_peer_text(const rhb_peer *peer, char *out)
    bint rhb_peer_same_address(const rhb_peer *one, const rhb_peer *other)

cdef extern from "http/allowed_peers.h" nogil:
    struct rhb_network:
        uint8_t address[16]
        uint8_t bits
    struct rhb_allowed_peers:
        bint anybody
        bint unix_sockets
        const rhb_network *networks
        size_t n_networks

cdef extern from "http/forwarded.h" nogil:
    enum: RHB_X_FORWARDED_FOR
    enum: RHB_X_FORWARDED_PROTO
    enum: RHB_X_FORWARDED_HOST
    enum: RHB_X_FORWARDED_PORT
    enum: RHB_X_FORWARDED_SSL
    enum: RHB_X_FORWARDED_PROTOCOL
    enum: RHB_FORWARDED
    enum rhb_scheme:
        RHB_SCHEME_UNKNOWN
        RHB_SCHEME_HTTP
        RHB_SCHEME_HTTPS
    struct rhb_forwarded_policy:
        rhb_allowed_peers allowed
        unsigned fields
    struct rhb_forwarded:
        bint has_client
        rhb_peer client
        rhb_scheme scheme
        const char *host
        size_t host_len
    void rhb_forwarded_read(rhb_forwarded *said, const rhb_forwarded_policy *policy, const rhb_peer *peer,
                            const phr_header *fields, size_t count)
    uint16_t rhb_forwarded_server_port(const rhb_forwarded *said, const char *host, size_t host_len)

cdef extern from "http/request_start.h" nogil:
    bint rhb_request_start_find(const rhb_allowed_peers *allowed, const rhb_peer *peer, const phr_header *fields,
                                size_t count, uint64_t *ns)

cdef extern from "http/traceparent.h" nogil:
    enum: RHB_TRACE_ID
    enum: RHB_SPAN_ID
    struct rhb_traceparent:
        const char *trace_id
        const char *span_id
    bint rhb_traceparent_find(rhb_traceparent *trace, const phr_header *fields, size_t count)

cdef extern from "http/request_id.h" nogil:
    enum: RHB_REQUEST_ID_MADE
    struct rhb_request_id_policy:
        const char *field
        const char *sent_as
        size_t field_len
        const rhb_allowed_peers *allowed
        rhb_request_id_pool *pool
    struct rhb_request_id_pool:
        pass
    bint rhb_request_id_find(const rhb_request_id_policy *policy, const rhb_peer *peer, const phr_header *fields,
                             size_t count, const char **id, size_t *len)
    void rhb_request_id_make(rhb_request_id_pool *pool, char *id)

cdef extern from "http/proxy_protocol.h" nogil:
    enum: RHB_PROXY_V1
    enum: RHB_PROXY_V2

cdef extern from "cache/cache.h" nogil:
    struct rhb_hash_key:
        uint64_t *words
    enum: RHB_PURGES
    struct rhb_purge_desk:
        pass
    struct rhb_cache:
        pass
    struct rhb_cache_counts:
        pass
    struct rhb_text:
        const char *at
        size_t len
    struct rhb_filling:
        rhb_bytes body
        rhb_bytes stale_body
    enum rhb_filled:
        RHB_FILLED_NOT
        RHB_FILLED_GATHERS
        RHB_FILLED_REPLACED
    bint rhb_cache_make(void *memory, size_t size, const rhb_hash_key *key)
    rhb_text rhb_filling_field(const rhb_filling *filling, const char *lower)
    uint64_t rhb_cache_end_owner(void *memory, size_t owner)

cdef extern from "loop/connection.h" nogil:
    enum: RHB_CONN_FRESH
    enum: RHB_CONN_HEAD
    enum: RHB_CONN_BODY
    enum: RHB_CONN_SEND
    enum: RHB_CONN_IDLE
    enum: RHB_CONN_LINGER
    enum: RHB_CONN_WAIT
    enum: RHB_CONN_PARKED_STATES
    struct rhb_conn:
        rhb_filling *filling
        int fd
        uint8_t listener
        rhb_peer peer
        rhb_peer client
        bint has_client
        void *owner
    uint64_t rhb_conn_waited_ns(const rhb_conn *conn)

cdef extern from "loop/scoreboard.h" nogil:
    enum: RHB_SCORE_SIZE
    struct rhb_score:
        pass
    void rhb_score_begin(rhb_score *score, const char *line, size_t len, uint64_t timeout)
    void rhb_score_began(rhb_score *score, uint64_t ns, const rhb_peer *client)
    void rhb_score_client(rhb_score *score, const rhb_peer *client)
    void rhb_score_resume(rhb_score *score, const char *line, size_t len, uint64_t timeout)
    void rhb_score_progress(rhb_score *score, uint64_t timeout)
    void rhb_score_alive(rhb_score *score, uint64_t now)
    void rhb_score_main_alive(rhb_score *score, uint64_t now)
    void rhb_score_end(rhb_score *score)
    void rhb_score_no_limit(rhb_score *score)
    void rhb_score_sending(rhb_score *score, int by)
    void rhb_score_unsent(rhb_score *score, uint64_t before, uint64_t now)

cdef extern from "loop/board.h" nogil:
    enum: RHB_BOARD_SIZE
    struct rhb_board:
        rhb_cache_counts cache
    void rhb_board_count(rhb_board *board, const phr_request_head *head, int status, uint64_t bytes)

cdef extern from "loop/lap.h" nogil:
    enum rhb_lap_due:
        RHB_LAP_READING
        RHB_LAP_END
    struct rhb_lap:
        uint64_t arrived
        uint64_t began
        uint64_t away
    void rhb_lap_add(const rhb_lap *lap, rhb_board *board, uint64_t now)

cdef extern from "loop/loop.h" nogil:
    enum rhb_event:
        RHB_EVENT_REQUEST
        RHB_EVENT_WRITABLE
        RHB_EVENT_LOST
        RHB_EVENT_NO_BODY_FILE
        RHB_EVENT_ANSWER_FAILED
        RHB_EVENT_ANSWERED
        RHB_EVENT_WAKE
        RHB_EVENT_WAIT
        RHB_EVENT_DRAINED
    struct rhb_loop_options:
        phr_limits limits
        size_t max_fields
        uint64_t max_body
        size_t body_buffer
        rhb_body_memory *body_memory
        size_t large_body
        uint64_t *timeouts
        uint64_t min_rate
        uint32_t max_connections
        uint32_t max_keepalive_requests
        bint keep_alive
        const char *server
        size_t server_len
        rhb_forwarded_policy forwarded
        rhb_request_id_policy request_ids
        unsigned proxy_versions
        rhb_allowed_peers proxy_allowed
    struct rhb_listener:
        int fd
        bint is_unix
    struct rhb_request:
        phr_request_head head
        rhb_target target
        rhb_framing framing
        const char *path
        size_t path_len
        const char *inline_body
        rhb_body *body
        uint64_t body_len
    struct rhb_lane:
        rhb_lane *next
        rhb_conn *current
        rhb_request request
        const char *rest
        size_t rest_len
        rhb_score *score
        rhb_lap_due due
    struct rhb_mover:
        pass
    struct rhb_loop:
        rhb_mover *mover
        rhb_loop_options options
        rhb_lane *lanes
        rhb_clock clock
        rhb_reports *reports
        size_t open
        uint64_t read_at
        bint timed
        rhb_board *board
        rhb_cache *cache
        uint64_t request_timeout
        int body_error
        int answer_error
        bint forks
        bint forked
    rhb_loop *rhb_loop_new(const rhb_loop_options *options, const rhb_listener *listeners,
                           size_t n_listeners, int wakeup)
    void rhb_loop_free(rhb_loop *loop)
    void rhb_loop_forked(rhb_loop *loop)
    rhb_event rhb_loop_poll(rhb_loop *loop, rhb_conn **conn)
    void rhb_loop_wait(rhb_loop *loop)
    int rhb_loop_before_sleep(rhb_loop *loop)
    void rhb_loop_sleep(rhb_loop *loop, int timeout_ms)
    void rhb_loop_after_sleep(rhb_loop *loop)
    bint rhb_loop_needs_attention(const rhb_loop *loop)
    rhb_lane *rhb_loop_add_lane(rhb_loop *loop)
    void rhb_loop_enter(rhb_loop *loop, rhb_lane *lane)
    void rhb_loop_leave(rhb_loop *loop, rhb_lane *lane)
    void rhb_loop_keep_mover_out(rhb_loop *loop)
    void rhb_loop_admit_mover(rhb_loop *loop)
    void rhb_loop_stop(rhb_loop *loop)
    void rhb_loop_stop_last(rhb_loop *loop, uint64_t patience)
    void rhb_loop_order_stop(rhb_loop *loop)
    void rhb_loop_order_stop_last(rhb_loop *loop, uint64_t patience)
    bint rhb_loop_ends(const rhb_loop *loop)
    bint rhb_loop_accepts(const rhb_loop *loop)
    void rhb_loop_release_listeners(rhb_loop *loop)
    size_t rhb_loop_owners(const rhb_loop *loop, void **owners, size_t cap)
    bint rhb_loop_may_keep(const rhb_loop *loop, const rhb_conn *conn)
    void rhb_loop_done(rhb_loop *loop, rhb_conn *conn, bint keep)
    bint rhb_loop_suspend(rhb_loop *loop, rhb_conn *conn, void *owner)
    void rhb_loop_settle(rhb_loop *loop, rhb_lane *lane)
    void rhb_lap_end(rhb_loop *loop, rhb_lane *lane, int status, uint64_t bytes)
    void rhb_lap_front(rhb_loop *loop, rhb_lane *lane, uint64_t since)
    rhb_lap rhb_lap_of(const rhb_loop *loop, const rhb_lane *lane)
    void rhb_loop_abort(rhb_loop *loop, rhb_conn *conn)
    void *rhb_loop_next_owner(rhb_loop *loop)

cdef extern from "http/answer.h" nogil:
    struct rhb_answerer:
        pass

cdef extern from "files/named_file.h" nogil:
    struct rhb_part:
        uint64_t first
        uint64_t length
    struct rhb_open_file:
        int fd
        uint64_t size
        char etag[64]
    struct rhb_named_file:
        rhb_open_file file
        char modified[32]
        const char *type
        rhb_part part
    int rhb_named_file_open(rhb_named_file *named, const char *root, const char *path)
    int rhb_named_file_status(rhb_named_file *named, const char *etag, size_t etag_len, const char *modified,
                              size_t modified_len, const phr_request_head *request)
    void rhb_open_file_free(rhb_open_file *file)

cdef extern from "loop/answers.h" nogil:
    void rhb_answers_add(rhb_loop *loop, const rhb_answerer *answerer)

cdef extern from "files/static_files.h" nogil:
    struct rhb_static_files:
        pass
    struct rhb_static_mount:
        const char *prefix
        const char *path
        int64_t max_age
        bint immutable
        bint only
        bint uploads
    struct rhb_file_cache_limits:
        size_t entries
        size_t descriptors
        size_t bytes
    rhb_static_files *rhb_static_files_new(const rhb_static_mount *mounts, size_t count, const char *index,
                                           const rhb_file_cache_limits *limits)
    void rhb_static_files_free(rhb_static_files *files)
    rhb_answerer rhb_static_files_answerer(rhb_static_files *files)

cdef extern from "loop/channel.h" nogil:
    ctypedef uint32_t rhb_shared_count "_Atomic uint32_t"
    struct rhb_queue:
        int in_ "in"
        int out
    struct rhb_channel:
        rhb_queue waiting
        rhb_queue surplus
        const int *wake
        size_t n_wake
        rhb_score *scores
        rhb_shared_count *in_waiting
        rhb_shared_count *in_surplus
        size_t threads
        size_t own
    bint rhb_channel_join(rhb_loop *loop, const rhb_channel *channel)

cdef extern from "loop/mover.h" nogil:
    bint rhb_mover_start(rhb_loop *loop)
    void rhb_mover_pause(rhb_loop *loop)
    bint rhb_mover_resume(rhb_loop *loop)
    void rhb_mover_stop(rhb_loop *loop)

cdef extern from "loop/pace.h" nogil:
    bint rhb_response_moves(const rhb_loop *loop, int fd, uint32_t *unsent)

cdef extern from "loop/handover.h" nogil:
    int rhb_hand_over(rhb_loop *loop, rhb_conn *conn)
    void rhb_take_back(rhb_conn *conn, int fd)
    void rhb_hand_over_end(rhb_loop *loop, rhb_conn *conn, bint shared)

cdef extern from "base/live.h" nogil:
    enum rhb_live_kind:
        RHB_LIVE_CONNECTION
        RHB_LIVE_INCOMING
        RHB_LIVE_BODY
        RHB_LIVE_EXCHANGE
        RHB_LIVE_KINDS
    void RHB_LIVE_BORN(rhb_live_kind kind)
    void RHB_LIVE_DEAD(rhb_live_kind kind)
    long rhb_live_count(rhb_live_kind kind)

cdef extern from "loop/caching.h" nogil:
    struct rhb_caching_options:
        void *memory
        size_t size
        rhb_purge_desk *desk
        uint64_t largest
        size_t owner
        const int *wake
        size_t n_wake
        rhb_cache_counts *counts
    bint rhb_caching_join(rhb_loop *loop, const rhb_caching_options *options)
    bint rhb_caching_cares(const rhb_conn *conn, const rhb_response_head *written)
    rhb_filled rhb_caching_head(
        rhb_loop *loop, rhb_lane *lane, rhb_conn *conn, rhb_response_head *written, int64_t in_hand)
    bint rhb_caching_body(rhb_loop *loop, rhb_conn *conn, const char *data, size_t len)
    void rhb_caching_complete(rhb_loop *loop, rhb_conn *conn, int64_t content_length)
    void rhb_caching_give_up(rhb_loop *loop, rhb_conn *conn)
