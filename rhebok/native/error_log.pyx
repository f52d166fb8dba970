# cython: binding=False
"""What the error log says about a request, and how an error of the application gets there."""

from .csrc cimport phr_request_head


cdef bint queries_shown = False  # --log-queries, for this process


cdef int show_queries(bint wanted) except -1:
    global queries_shown
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


cdef int log_error(object logger, str message, tuple arguments, object error, str request_id=None) except -1:
    """Logs an error with its traceback, or without (None). request_id: an attribute of the record. Logging runs code of the application (handlers, filters,
    __str__), and --timeout may interrupt it: whatever it raises is dropped, so that the worker goes on."""
    try:
        if request_id is None:
            logger.error(message, *arguments, exc_info=error)
        else:
            logger.error(message, *arguments, exc_info=error, extra={"request_id": request_id})
    except BaseException:
        pass
    return 0
