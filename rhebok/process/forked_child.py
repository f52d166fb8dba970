"""Processes that the application forks from a worker. They share its connections and inherit its signal
handlers, but must not do its work.

serving/worker.py calls give_children_default_signals, native/exchange.pyx calls end_forked_child.
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
    """Registers with os.register_at_fork, so that TERM and QUIT end a forked process by default.

    terminate() of multiprocessing relies on it, and the worker's handlers would be useless there. A signal
    that arrives during the fork stays blocked until the default handlers are installed.
    """
    mask = _Mask()

    def before() -> None:
        mask.signals = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.signals)

    def in_child() -> None:
        signal.set_wakeup_fd(-1)  # the pipe belongs to the worker
        signal.signal(STOP_SIGNAL, signal.SIG_DFL)
        signal.signal(QUIT_SIGNAL, signal.SIG_DFL)
        signal.signal(TRACEBACK_SIGNAL, ignore)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.signals)

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def end_forked_child(logger: logging.Logger, request: str, error: BaseException | None) -> NoReturn:
    """Ends a forked process that has returned from the application: it would be a second worker on the same
    connections.

    `error` is the exception that the application raised, or None. The exit status is that of a SystemExit;
    otherwise it is 1, with a line in the log.
    """
    status = 1
    if isinstance(error, SystemExit):
        status = _exit_status(error)
    elif error is not None:
        logger.error("error in a process forked by the application, request %s", request, exc_info=error)
    else:
        logger.error(
            "a process forked by the application ends: it returned from request %s",
            request,
        )
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # closed, full, missing, busy
            stream.flush()
    os._exit(status)


def _exit_status(error: SystemExit) -> int:
    """The status that the interpreter would exit with."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1
