"""A worker of several event loops, each with a thread of its own, for Python without the GIL (PEP 703).

The loops share listeners, scoreboard and channel, as the workers of a generation do, and nothing else. Made
by worker in place of one native worker whose threads share its loop.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from functools import partial

from rhebok.board.layout import BOARD_SIZE, SCORE_SIZE
from rhebok.listening.listeners import Listener
from rhebok.native.held_threads import HeldThreads
from rhebok.native.request_count import RequestCount
from rhebok.records import TYPE_CHECKING, replace
from rhebok.serving.app_loading import Application
from rhebok.serving.scoreboard import Score, describe_requests

if TYPE_CHECKING:
    from typing import Any

    from rhebok.settings.table import Settings


def gil_is_off() -> bool:
    """Whether threads of this process run Python code at the same time."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


class ManyLoops:
    """A NativeWorker (worker.py) of settings.threads native workers, which are made in their threads: what a
    thread has made is cheaper for it to use.

    make_worker: the constructor of rhebok.native.worker.Worker, which is called with the same arguments.
    scores: reads the scores of this worker.
    """

    def __init__(
        self,
        make_worker: Callable[..., Any],
        scores: Callable[[], Sequence[Score]],
        app: Application,
        listeners: Sequence[Listener],
        settings: Settings,
        *,
        score: memoryview,
        board: memoryview | None,
        slot: int,
        max_requests: int,
        on_limit: Callable[[], object] | None = None,
        on_last_accept: Callable[[], object] | None = None,
        **options: Any,
    ) -> None:
        self._scores = scores
        self._count = settings.threads
        self._loops: list[Any] = []
        self._threads = HeldThreads()
        self._contexts: list[Context] = []
        self._stop_arguments: tuple[float | None] | None = None
        self._accepting = self._count
        self._lock = threading.Lock()  # of _accepting
        self._on_last_accept = on_last_accept
        requests = RequestCount(max_requests, on_limit, self.stop) if max_requests else None
        self._make_loop = partial(
            make_worker,
            app,
            listeners,
            _share(settings),
            max_requests=0,
            requests=requests,
            on_last_accept=self._accepts_no_more if on_last_accept else None,
            in_thread=True,
            **options,
        )
        self._score, self._board, self._slot = score, board, slot

    # ---- as a native worker ----

    def prepare(self) -> None:
        """Raises RuntimeError or MemoryError, and OSError when the descriptors do not suffice."""
        for number in range(self._count):
            self._threads.start(
                partial(self._serve, number), f"rhebok-{number + 1}", partial(self._make, number)
            )

    def run(self) -> None:
        """Returns when all loops have drained. Raises what ended a thread."""
        self._contexts = [copy_context() for _ in self._loops]
        if self._stop_arguments:
            self.stop(*self._stop_arguments)
        self._threads.release()
        faults = self._threads.wait(self._loops[0].show_life)
        self._loops[0].show_life(False)
        for fault in faults:
            if fault is not None:
                raise fault

    def stop(self, last_seconds: float | None = None) -> None:
        """In any thread, and in a signal handler. Loops that are still to be made stop once they run."""
        self._stop_arguments = (last_seconds,)
        for loop in list(self._loops):
            loop.stop(last_seconds)

    def interrupt(self, number: int, exception: type[BaseException]) -> None:
        """Raises it in the thread of that number, if that has a request."""
        self._loops[number].interrupt(0, exception)

    def in_progress(self) -> list[str]:
        """By the scoreboard: the loops go on meanwhile."""
        found = describe_requests(self._scores())
        return [found] if found else []

    def log_cut(self) -> None:
        """Reports the upgraded connections of all loops."""
        for loop in self._loops:
            loop.log_cut()

    def flush_logs(self) -> None:
        """Writes what all loops have buffered."""
        for loop in self._loops:
            loop.flush_logs()

    def take_records(self) -> tuple[bytes, int]:
        """Those of all loops."""
        taken = [loop.take_records() for loop in self._loops]
        return b"".join(records for records, _ in taken), sum(lost for _, lost in taken)

    # ---- in the threads ----

    def _make(self, number: int) -> None:
        score = self._score[number * SCORE_SIZE : (number + 1) * SCORE_SIZE]
        board = self._board and self._board[number * BOARD_SIZE : (number + 1) * BOARD_SIZE]
        loop = self._make_loop(score=score, board=board, slot=self._slot + number)
        loop.prepare()
        self._loops.append(loop)

    def _serve(self, number: int) -> None:
        try:
            self._contexts[number].run(self._loops[number].run)
        except BaseException:
            self.stop()  # as with threads that share a loop: the worker ends
            raise

    def _accepts_no_more(self) -> None:
        """Called by each loop once. The listeners are closed when all need them no more."""
        with self._lock:
            self._accepting -= 1
            is_last = self._accepting == 0
        if is_last and self._on_last_accept:
            self._on_last_accept()


def _share(settings: Settings) -> Settings:
    """The limits of one loop: those of the worker are for all together."""
    connections = settings.max_connections
    return replace(
        settings,
        max_connections=-(-connections // settings.threads),
        oobgc=settings.oobgc * settings.threads,
    )
