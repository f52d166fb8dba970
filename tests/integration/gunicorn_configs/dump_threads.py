"""What each thread does when a worker is told to end at once."""

import sys
import threading
import traceback

workers = 2
errorlog = "error.log"


def worker_int(worker):
    worker.log.info("hook: worker received INT or QUIT signal")
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if names.get(ident) == "MainThread":
            stack = traceback.format_stack(frame)
            worker.log.info("hook: thread %s, %s", names[ident], "in a stack" if stack else "without one")


def worker_exit(server, worker):
    worker.log.info("hook: goodbye, alive is %s", worker.alive)
