# cython: binding=False
"""What of a Worker needs no descriptor and no process of its own: options, templates, tables of fields, exchanges.

A master makes one before it forks (rhebok.serving.master), and each of its workers takes its copy. Made in the
worker it would be memory of each.
"""

cimport cython

from .environ_template cimport environ_template
from .lane cimport Lane


@cython.final
cdef class Preparation:
    """Preparation(listeners, settings, *, errors, logger, multiprocess, in_thread=False): see Worker for the arguments.
    Raises ValueError for a wrong peer."""

    def __init__(self, listeners, settings, *, errors, logger, bint multiprocess, bint in_thread=False):
        cdef int threads = 1 if in_thread else settings.threads
        self.settings = settings
        self.setup = LoopSetup(settings, listeners)
        self.service = Service(logger, settings)
        self.service.request_ids = self.setup.request_ids
        templates = [environ_template(listener, settings, errors, multiprocess) for listener in listeners]
        self.lanes = tuple([Lane(self.service, templates) for _ in range(threads)])

    cdef int take(self, object settings) except -1:
        """For one worker, with these settings. Raises RuntimeError."""
        if self.taken or settings is not self.settings:
            raise RuntimeError("a Preparation is for one Worker, and its settings")
        self.taken = True
        return 0
