"""A thread that is not there while the process forks. Used by serving/record_thread.py.

A fork copies what the thread holds, as the half-written buffer of a file. Python 3.12 warns of a fork with
threads, too; 3.13 counts them after the callbacks, so the thread goes on when os.fork() has returned.

Nothing that an application may replace (gevent, eventlet) is looked up when it runs.
"""

import os
from _thread import RLock, allocate_lock, get_ident, get_native_id, start_new_thread
from collections.abc import Callable
from sys import _getframe
from time import sleep
from types import FrameType

PATIENCE = 0.05  # seconds that a fork waits for the thread; then it does without
_LOOK_EVERY = 0.0005

# Calls a function when that frame, which forks, goes on: native.at_fork.after_fork.
AfterFork = Callable[[Callable[[], None], FrameType | None], None]


class PausableThread:
    """Calls `step` again and again. `wake` makes a step that waits return."""

    def __init__(self, step: Callable[[], None], wake: Callable[[], None], after_fork: AfterFork) -> None:
        self._step = step
        self._wake = wake
        self._after_fork = after_fork
        self._forking = RLock()  # a signal handler may fork while its own thread does
        self._forks = 0
        self._deciding = allocate_lock()
        self._alive = allocate_lock()  # locked: there is a thread, which has not decided to end
        self._ends = False
        self._ident = self._native_id = 0
        self._is_copy = False

    def start(self) -> None:
        """Raises RuntimeError when there can be no thread."""
        self._start()
        os.register_at_fork(
            before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child
        )

    def _start(self) -> None:
        self._alive.acquire()
        try:
            start_new_thread(self._run, ())
        except BaseException:
            self._alive.release()
            raise

    def _run(self) -> None:
        self._ident, self._native_id = get_ident(), get_native_id()
        while not self._is_to_end():
            self._step()

    def _is_to_end(self) -> bool:
        with self._deciding:
            if self._ends:
                self._ident = 0  # another thread may get it
                self._alive.release()
            return self._ends

    def _before(self) -> None:
        if self._is_copy or get_ident() == self._ident:
            return
        with self._forking:
            self._forks += 1
            self._ends = True
            self._wake()
            if self._alive.acquire(timeout=PATIENCE):
                self._alive.release()
                wait_for_the_kernel(self._native_id)

    def _in_parent(self) -> None:
        """Also when the fork has failed."""
        if not self._is_copy and get_ident() != self._ident:
            self._after_fork(self._go_on, _getframe().f_back)

    def _go_on(self) -> None:
        """Python reports what this raises."""
        with self._forking:
            self._forks = max(0, self._forks - 1)
            if self._forks:
                return
            with self._deciding:
                self._ends = False
            if not self._alive.locked():
                self._start()

    def _in_child(self) -> None:
        self._is_copy = True


def wait_for_the_kernel(native_id: int | None) -> None:
    """It counts a thread that has ended a little longer, and Python asks it."""
    for _ in range(int(PATIENCE / _LOOK_EVERY)):
        if not os.path.exists(f"/proc/self/task/{native_id}"):
            break
        sleep(_LOOK_EVERY)
