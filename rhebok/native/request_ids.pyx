# cython: binding=False
"""Identifiers of requests (--request-id): found or made before the application is called, given to it, and sent back.

Nothing here is called without the option. csrc/http/request_id.c finds and makes them.
"""

cimport cython
from cpython.dict cimport PyDict_SetItem

from .csrc cimport (
    RHB_HEAD_OK,
    RHB_REQUEST_ID_MADE,
    rhb_head_field,
    rhb_head_has_field,
    rhb_request_id_find,
    rhb_request_id_make,
    rhb_request_id_policy,
)
from .text cimport latin1, rhb_latin1

cdef str K_REQUEST_ID = "rhebok.request_id"


@cython.final
cdef class RequestIds:
    """RequestIds(field): in the field of this name. `policy.allowed` is set by the LoopSetup."""

    def __cinit__(self, str field):
        self.sent_as = field.encode("ascii")
        self.lower = self.sent_as.lower()
        self.policy.field = self.lower
        self.policy.sent_as = self.sent_as
        self.policy.field_len = len(self.lower)
        self.policy.pool = &self.pool
        self.key = "HTTP_" + field.upper().replace("-", "_")

    cdef str of(self, const rhb_request *request, const rhb_conn *conn):
        """That of the proxy in front, or a new one."""
        cdef char made[RHB_REQUEST_ID_MADE]
        cdef const char *found = NULL
        cdef size_t size = 0
        if rhb_request_id_find(&self.policy, &conn.peer, request.head.fields, request.head.num_fields, &found, &size):
            return latin1(found, size)
        rhb_request_id_make(&self.pool, made)
        return latin1(made, RHB_REQUEST_ID_MADE)

    cdef int put(self, dict environ, str request_id) except -1:
        """In place of what a client has sent."""
        PyDict_SetItem(environ, self.key, request_id)
        PyDict_SetItem(environ, K_REQUEST_ID, request_id)
        return 0


cdef int echo_request_id(rhb_response_head *head, const rhb_loop *loop, str request_id) except -1:
    """Adds the field to a response, unless the application has set one."""
    cdef const rhb_request_id_policy *policy = &loop.options.request_ids
    cdef const char *value = NULL
    cdef size_t size = 0
    if rhb_head_has_field(head, policy.field, policy.field_len):
        return 0
    rhb_latin1(request_id, &value, &size)
    if rhb_head_field(head, policy.sent_as, policy.field_len, value, size) != RHB_HEAD_OK:
        raise MemoryError
    return 0
