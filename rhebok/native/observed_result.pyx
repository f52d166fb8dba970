# cython: binding=False
"""What an application has returned, and a function that is called when its response has ended. Made by code around the
application, such as gunicorn's post_request (rhebok/gunicorn/request_hooks.py).

application_call.pyx sends the result itself, so that a list keeps its Content-Length, and a file sendfile(2).
"""

cimport cython


@cython.final
cdef class ObservedResult:
    """ObservedResult(result, on_end): close() calls result.close(), if there is one, then on_end(sent), with the bytes
    of the body that were sent. The server calls it once, however the response has ended.
    """

    def __init__(self, result, on_end):
        self.result = result
        self.on_end = on_end

    def __iter__(self):
        return iter(self.result)

    def close(self):
        """close() -> None. Raises what the two raise."""
        cdef object sent = 0 if self.exchange is None else self.exchange.body.size
        self.exchange = None
        try:
            close = getattr(self.result, "close", None)
            if close is not None:
                close()
        finally:
            self.on_end(sent)
