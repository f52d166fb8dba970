"""Threads that exist before they run: a worker is ready only when it has all of them.

Used by worker.pyx and by rhebok.serving.many_loops.
"""

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

    def start(
        self, run: Callable[[], object], name: str, prepare: Callable[[], object] | None = None
    ) -> None:
        """Makes a thread that will call run(); it has called prepare() when this returns.

        Raises what prepare() raises, and RuntimeError or MemoryError when there can be no thread; then the
        earlier ones end too.
        """
        preparation = None if prepare is None else _Preparation(prepare)
        thread = threading.Thread(target=self._run, args=(run, preparation), name=name, daemon=False)
        try:
            thread.start()
            if preparation:
                preparation.wait()
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

    def _run(self, run: Callable[[], object], preparation: "_Preparation | None") -> None:
        fault: BaseException | None = None
        if preparation:
            preparation.run()
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


class _Preparation:
    """What a new thread does first, while the one that made it waits."""

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._prepare = prepare
        self._fault: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        try:
            self._prepare()
        except BaseException as fault:
            self._fault = fault
        finally:
            self._done.release()

    def wait(self) -> None:
        """Raises what the other thread has raised."""
        self._done.acquire()
        if self._fault is not None:
            raise self._fault
