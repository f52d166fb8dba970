"""Threads that exist before they run: a worker is ready only when it has all of them. Used by worker.pyx."""

import threading
from collections.abc import Callable

BETWEEN_SIGNS = 1.0  # seconds


class HeldThreads:
    """A number of threads. No daemons: a thread that the application starts in one would be a daemon too, and
    the end of the process would not wait for its work."""

    def __init__(self) -> None:
        self._count = 0
        self._faults: list[BaseException | None] = []  # what each has ended with
        # No events, whose frames would be in each traceback of a worker.
        self._held = threading.Lock()
        self._held.acquire()
        self._running = threading.Lock()
        self._running.acquire()
        self._abandoned = False

    def start(self, run: Callable[[], object], name: str) -> None:
        """Makes a thread that will call run(). Raises RuntimeError or MemoryError when that is not possible;
        then the earlier ones end too.
        """
        thread = threading.Thread(target=self._run, args=(run,), name=name, daemon=False)
        try:
            thread.start()
        except BaseException:
            self._abandoned = True
            self._held.release()
            raise
        self._count += 1

    def release(self) -> None:
        """Lets them run; no other one may be made from now on."""
        self._held.release()

    def wait(self, show_life: Callable[[], object]) -> list[BaseException | None]:
        """Returns when all have ended: for each, the exception that it ended with, or None.

        Until then it calls show_life() once a second, if this thread can run.
        """
        show_life()
        while not self._running.acquire(timeout=BETWEEN_SIGNS):
            show_life()
        return self._faults

    def _run(self, run: Callable[[], object]) -> None:
        fault: BaseException | None = None
        with self._held:
            pass
        if self._abandoned:
            return
        try:
            run()
        except BaseException as error:
            fault = error
        self._faults.append(fault)
        if len(self._faults) == self._count:
            self._running.release()
