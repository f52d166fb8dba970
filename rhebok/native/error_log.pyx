# cython: binding=False
"""What the error log says about a request, and how an error of the application gets there."""

from .csrc cimport phr_request_head


cdef str describe_request(const phr_request_head *head):
    """Method and target. A target may have bytes that a terminal takes for control characters: they are escaped."""
    method = head.method[:head.method_len].decode("latin-1")
    target = head.target[:head.target_len].decode("ascii", "backslashreplace")
    return f"{method} {target}"


cdef int log_error(object logger, str message, tuple arguments, object error) except -1:
    """Logs an error with its traceback. Logging runs code of the application (handlers, filters, __str__), and
    --timeout may interrupt it: whatever it raises is dropped, so that the worker goes on."""
    try:
        logger.error(message, *arguments, exc_info=error)
    except BaseException:
        pass
    return 0
