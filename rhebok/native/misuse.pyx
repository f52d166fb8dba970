# cython: binding=False
"""What an application does wrong with start_response() and write(): the exceptions that exchange.pyx raises."""


cdef int raise_again(object exc_info) except -1:
    """The head has been sent, so what the application could not answer goes up to the server (PEP 3333)."""
    try:
        raise exc_info[1].with_traceback(exc_info[2])
    finally:
        exc_info = None


cdef int refuse_headers(object headers) except -1:
    raise TypeError(
        "response headers must be a list of tuples, as [('Content-Type', 'text/plain')], "
        f"not {type(headers).__name__}; write list(headers) (PEP 3333)"
    )


cdef int refuse_block(object data) except -1:
    raise TypeError(f"write() takes bytes, not {type(data).__name__}")
