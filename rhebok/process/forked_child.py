"""Processes that the application forks, from the master or from a worker. They share its connections and
listeners and inherit its signal handlers, but must not do its work.

serving/master.py calls watch_forks once, prefork/children.py says with our_fork which forks are not meant,
native/exchange.pyx calls end_forked_child.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from _thread import get_ident
from collections.abc import Callable
from contextlib import suppress
from signal import SIG_BLOCK, SIG_SETMASK, set_wakeup_fd

from rhebok.process.bare_signals import DEFAULT, change_mask, set_handler
from rhebok.process.signals import (
    IGNORED_BY_WORKERS,
    QUIT_SIGNAL,
    STOP_SIGNAL,
    TRACEBACK_SIGNAL,
    ignore,
    is_noted,
)
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

_OURS = (STOP_SIGNAL, QUIT_SIGNAL, TRACEBACK_SIGNAL)


class _Thread(threading.local):
    """Of the thread that forks."""

    mask: set[int]  # its signal mask before


_thread = _Thread()  # made before the application is imported: it may replace threading.local
_ours = [0]  # the thread that forks one of ours; another one may fork at the same time


class OurFork:
    """A process that is forked inside is one of ours."""

    def __enter__(self) -> None:
        _ours[0] = get_ident()

    def __exit__(self, *_: object) -> None:
        _ours[0] = 0


our_fork = OurFork()


def watch_forks(close: Callable[[], None]) -> None:
    """From now on the application's forks, here and in our own children, call `close` in the child: it closes
    what must not stay open there. TERM and QUIT end such a child by default: terminate() of multiprocessing
    relies on it, and our handlers would be useless there. A signal that arrives during the fork stays
    blocked until the default handlers are installed.
    """

    def before() -> None:
        if _ours[0] != get_ident():
            _thread.mask = change_mask(SIG_BLOCK, _OURS)

    def in_parent() -> None:
        if _ours[0] != get_ident():
            change_mask(SIG_SETMASK, _thread.mask)

    def in_child() -> None:
        if _ours[0] != get_ident():
            _install_child_signals()
            close()
            change_mask(SIG_SETMASK, _thread.mask)

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def _install_child_signals() -> None:
    set_wakeup_fd(-1)  # the pipe belongs to the parent
    set_handler(STOP_SIGNAL, DEFAULT)
    set_handler(QUIT_SIGNAL, DEFAULT)
    set_handler(TRACEBACK_SIGNAL, ignore)
    for number in IGNORED_BY_WORKERS:  # a terminal sends them to all; the master alone answers them
        if is_noted(number):
            set_handler(number, ignore)


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
