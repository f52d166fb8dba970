# cython: binding=False
"""--max-requests for a worker with several loops, which reach it together."""


cdef class RequestCount:
    """RequestCount(limit: int, on_limit: Callable[[], object] | None, stop: Callable[[], object]): on_limit is called
    after so many requests, and stop after twice as many; without on_limit, stop after the limit. Each of them once, in
    the thread that has the request."""

    def __cinit__(self, uint64_t limit, on_limit, stop):
        self.limit = limit
        self.on_limit = on_limit
        self.stop = stop

    cdef int add_one(self) except -1:
        cdef uint64_t number = rhb_request_count_one_more(&self.count)
        if number == self.limit:
            self.stop() if self.on_limit is None else self.on_limit()
        elif number == 2 * self.limit:
            self.stop()
        return 0
