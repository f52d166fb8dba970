# cython: binding=False
"""What the error log says about a request, and how an error of the application gets there."""

from .csrc cimport RHB_SPAN_ID, RHB_TRACE_ID, phr_request_head, rhb_traceparent, rhb_traceparent_find
from .text cimport latin1


cdef bint queries_shown = False  # --log-queries, for this process


cdef int show_queries(bint wanted) except -1:
    global queries_shown
    if queries_shown != wanted:  # otherwise the page stays that of the master
        queries_shown = wanted
    return 0


cdef str describe_request(const phr_request_head *head, str request_id):
    """Method and target, without the query, which may have passwords, unless show_queries(True). A target may have
    bytes that a terminal takes for control characters: they are escaped. request_id: None if it has none."""
    cdef str identified = "" if request_id is None else f", id {request_id}"
    method = head.method[:head.method_len].decode("latin-1")
    cdef bytes target = head.target[:head.target_len]
    if not queries_shown:
        target = target.partition(b"?")[0]
    return f"{method} {target.decode('ascii', 'backslashreplace')}{identified}"


cdef dict identifiers_of(const phr_request_head *head, str request_id):
    """Attributes of a record about the request; None when it has none. head: may be NULL."""
    cdef rhb_traceparent trace
    cdef dict found = {}
    if request_id is not None:
        found["request_id"] = request_id
    if head is not NULL and rhb_traceparent_find(&trace, head.fields, head.num_fields):
        found["trace_id"] = latin1(trace.trace_id, RHB_TRACE_ID)
        found["span_id"] = latin1(trace.span_id, RHB_SPAN_ID)
    return found or None


cdef int log_error(object logger, str message, tuple arguments, object error, dict identifiers=None) except -1:
    """Logs an error with its traceback, or without (None). identifiers: see identifiers_of. Logging runs code of the
    application (handlers, filters, __str__), and --timeout may interrupt it: whatever it raises is dropped, so that the
    worker goes on."""
    try:
        if identifiers is None:
            logger.error(message, *arguments, exc_info=error)
        else:
            logger.error(message, *arguments, exc_info=error, extra=identifiers)
    except BaseException:
        pass
    return 0
