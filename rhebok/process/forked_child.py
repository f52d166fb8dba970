"""Processes that the application forks from a worker. They share its connections and inherit its signal
handlers, but are not to do its work: worker.py calls give_children_default_signals, native/exchange.pyx
end_forked_child.
"""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from rhebok.process.signals import QUIT_SIGNAL, STOP_SIGNAL, TRACEBACK_SIGNAL, ignore

_OURS = (STOP_SIGNAL, QUIT_SIGNAL, TRACEBACK_SIGNAL)


class _Mask(threading.local):
    """The forking thread's signal mask."""

    signals: set[signal.Signals | int]


def give_children_default_signals() -> None:
    """The signals that end a worker are to end such a process too, as terminate() of multiprocessing counts
    on: the worker's handlers would do nothing of use there. One that comes at once waits until that is so."""
    mask = _Mask()

    def before() -> None:
        mask.signals = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.signals)

    def in_child() -> None:
        signal.set_wakeup_fd(-1)  # its pipe is the worker's
        signal.signal(STOP_SIGNAL, signal.SIG_DFL)
        signal.signal(QUIT_SIGNAL, signal.SIG_DFL)
        signal.signal(TRACEBACK_SIGNAL, ignore)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.signals)

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def end_forked_child(logger: logging.Logger, request: str, error: BaseException | None) -> NoReturn:
    """Ends a process that came back from the application, which would make a second worker of it with the
    same connections: with the status of a SystemExit, as sys.exit() wants it, or with 1 and a log line."""
    status = 1
    if isinstance(error, SystemExit):
        status = _exit_status(error)
    elif error is not None:
        logger.error("error in a process forked by the application, request %s", request, exc_info=error)
    else:
        logger.error("a process forked by the application ends: it came back to answer %s too", request)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # closed, full, missing, busy
            stream.flush()
    os._exit(status)


def _exit_status(error: SystemExit) -> int:
    """As the interpreter has it."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1
