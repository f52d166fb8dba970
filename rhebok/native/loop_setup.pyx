# cython: binding=False
"""From the settings to the options of the event loop of csrc. The worker makes its loop here.

Lifetime: the loop points into the LoopSetup, which is to be kept as long as the loop.
"""

import os

from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .allowed_peers cimport AllowedPeers
from .csrc cimport (
    RHB_CONN_BODY,
    RHB_CONN_FRESH,
    RHB_CONN_HEAD,
    RHB_CONN_IDLE,
    RHB_CONN_LINGER,
    RHB_CONN_SEND,
    RHB_CONN_WAIT,
    RHB_FORWARDED,
    RHB_PROXY_V1,
    RHB_PROXY_V2,
    RHB_X_FORWARDED_FOR,
    RHB_X_FORWARDED_HOST,
    RHB_X_FORWARDED_PORT,
    RHB_X_FORWARDED_PROTO,
    RHB_X_FORWARDED_PROTOCOL,
    RHB_X_FORWARDED_SSL,
    rhb_listener,
    rhb_loop,
    rhb_loop_new,
)
from .request_body cimport bytes_memory
from .request_ids cimport RequestIds

cdef uint64_t SECOND = 1_000_000_000  # ns

LINGER_TIMEOUT = 2  # seconds; the one deadline that is no setting
LARGE_BODY = 128 * 1024  # bytes
cdef int NO_TIMEOUT = 10**8  # seconds

# The words of the settings, as csrc has them.
FORWARDED_FIELDS = {
    "x-forwarded-for": RHB_X_FORWARDED_FOR,
    "x-forwarded-proto": RHB_X_FORWARDED_PROTO,
    "x-forwarded-host": RHB_X_FORWARDED_HOST,
    "x-forwarded-port": RHB_X_FORWARDED_PORT,
    "x-forwarded-ssl": RHB_X_FORWARDED_SSL,
    "x-forwarded-protocol": RHB_X_FORWARDED_PROTOCOL,
    "forwarded": RHB_FORWARDED,
}
PROXY_VERSIONS = {"off": 0, "v1": RHB_PROXY_V1, "v2": RHB_PROXY_V2, "auto": RHB_PROXY_V1 | RHB_PROXY_V2}


cdef uint64_t nanoseconds(seconds):
    """Of a timeout that is a setting; 0 means no timeout."""
    return <uint64_t>((seconds or NO_TIMEOUT) * SECOND)


cdef class LoopSetup:
    """LoopSetup(settings, listeners): see docs/settings.md for the settings, Worker for the listeners. Raises
    ValueError for a peer that is no address."""

    def __cinit__(self, settings, listeners):
        memset(&self.options, 0, sizeof(self.options))
        self.set_listeners(listeners)
        self.set_limits(settings)
        self.set_timeouts(settings)
        self.set_peers(settings)
        if settings.request_id is not None:
            self.request_ids = RequestIds(settings.request_id)
            self.request_ids.policy.allowed = &self.options.forwarded.allowed
            self.options.request_ids = self.request_ids.policy
        self.server_header = settings.server_header.encode("latin-1")
        self.options.server = self.server_header
        self.options.server_len = len(self.server_header)

    def __dealloc__(self):
        free(self.listeners)

    cdef int set_limits(self, object settings) except -1:
        self.options.limits.head = settings.limit_request_head
        self.options.limits.line = settings.limit_request_line or settings.limit_request_head
        self.options.limits.field = settings.limit_request_field_size or settings.limit_request_head
        self.options.max_fields = settings.limit_request_fields
        self.options.max_body = settings.limit_request_body
        self.options.body_buffer = settings.body_buffer
        self.options.body_memory = &bytes_memory
        self.options.large_body = LARGE_BODY
        self.options.max_connections = settings.max_connections
        self.options.max_keepalive_requests = settings.max_keepalive_requests
        return 0

    cdef int set_timeouts(self, object settings) except -1:
        self.options.timeouts[RHB_CONN_FRESH] = nanoseconds(settings.header_timeout)
        self.options.timeouts[RHB_CONN_HEAD] = nanoseconds(settings.header_timeout)
        self.options.timeouts[RHB_CONN_BODY] = nanoseconds(settings.body_timeout)
        self.options.timeouts[RHB_CONN_SEND] = nanoseconds(settings.send_timeout)
        self.options.timeouts[RHB_CONN_IDLE] = <uint64_t>(settings.keep_alive * SECOND)
        self.options.timeouts[RHB_CONN_LINGER] = LINGER_TIMEOUT * SECOND
        self.options.timeouts[RHB_CONN_WAIT] = <uint64_t>(settings.cache_wait * SECOND)
        self.options.keep_alive = settings.keep_alive > 0
        self.options.min_rate = settings.min_rate
        return 0

    cdef int set_peers(self, object settings) except -1:
        """Which peers are proxies, and what they may say about their clients."""
        self.forwarded_allowed = AllowedPeers(settings.forwarded_allow_ips)
        self.options.forwarded.allowed = self.forwarded_allowed.list
        self.options.forwarded.fields = sum(FORWARDED_FIELDS[name] for name in settings.forwarded_headers)
        self.proxy_allowed = AllowedPeers(settings.proxy_allow_ips)
        self.options.proxy_allowed = self.proxy_allowed.list
        self.options.proxy_versions = PROXY_VERSIONS[settings.proxy_protocol]
        return 0

    cdef int set_listeners(self, object listeners) except -1:
        self.n_listeners = len(listeners)
        self.listeners = <rhb_listener *>calloc(max(1, self.n_listeners), sizeof(rhb_listener))
        if self.listeners is NULL:
            raise MemoryError
        for index, listener in enumerate(listeners):
            self.listeners[index].fd = listener.fileno()
            self.listeners[index].is_unix = listener.is_unix
        return 0

    cdef rhb_loop *new_loop(self, int wakeup_fd) except NULL:
        """A loop over the listeners, which the caller frees. Raises OSError."""
        cdef rhb_loop *loop = rhb_loop_new(&self.options, self.listeners, self.n_listeners, wakeup_fd)
        if loop is NULL:
            raise OSError(errno, os.strerror(errno))
        return loop
