"""A worker of several loops, with doubles in place of the native ones. tests/native has real ones."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from rhebok.board.layout import BOARD_SIZE, SCORE_SIZE
from rhebok.serving.many_loops import ManyLoops
from rhebok.serving.scoreboard import Score, Scoreboard
from rhebok.settings.table import Settings
from unit.conditions import until

COLOUR: ContextVar[str] = ContextVar("colour", default="none")


class Loop:
    """Runs until it is stopped."""

    made: "list[Loop]"

    def __init__(self, app: Any, listeners: Any, settings: Settings, **options: Any) -> None:
        self.settings, self.options = settings, options
        self.thread = threading.get_ident()
        self.calls: list[tuple[Any, ...]] = []
        self.stopped = threading.Event()
        self.ran_in = 0
        self.colour = ""
        self.fault: BaseException | None = None
        self.on_run: Callable[[], object] = lambda: None
        Loop.made.append(self)

    def prepare(self) -> None:
        self.calls.append(("prepare",))

    def run(self) -> None:
        self.ran_in, self.colour = threading.get_ident(), COLOUR.get()
        self.on_run()
        if self.fault is not None:
            raise self.fault
        self.stopped.wait(30)
        self.options["on_last_accept"]()

    def stop(self, last_seconds: float | None = None) -> None:
        self.calls.append(("stop", last_seconds))
        self.stopped.set()

    def interrupt(self, number: int, exception: type[BaseException]) -> None:
        self.calls.append(("interrupt", number, exception))

    def show_life(self, lives: bool = True) -> None:
        self.calls.append(("show_life", lives))

    def flush_logs(self) -> None:
        self.calls.append(("flush_logs",))

    def take_records(self) -> tuple[bytes, int]:
        return f"{self.options['slot']};".encode(), 1


@pytest.fixture(autouse=True)
def loops() -> list[Loop]:
    Loop.made = []
    return Loop.made


def worker(threads: int = 3, make: Callable[..., Any] = Loop, **options: Any) -> ManyLoops:
    board = Scoreboard(threads, boards=threads)
    options = {"max_requests": 0, "on_last_accept": lambda: None, "slot": 6} | options
    settings = Settings(
        app="app", threads=threads, max_connections=options.pop("max_connections", 100), oobgc=5
    )
    return ManyLoops(
        make, lambda: board.read(0), "app", [], settings, score=board.view(0), board=board.board(0), **options
    )


def in_thread(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_each_loop_is_made_and_run_in_a_thread_of_its_own_with_its_share(loops: list[Loop]) -> None:
    many = worker()
    many.prepare()
    assert [loop.calls for loop in loops] == [[("prepare",)]] * 3
    assert len({loop.thread for loop in loops} | {threading.get_ident()}) == 4
    assert [loop.options["slot"] for loop in loops] == [6, 7, 8]
    assert [len(loop.options["score"]) for loop in loops] == [SCORE_SIZE] * 3
    assert [len(loop.options["board"]) for loop in loops] == [BOARD_SIZE] * 3
    assert {loop.options["in_thread"] for loop in loops} == {True}
    assert {loop.settings.max_connections for loop in loops} == {34}, "a third, rounded up"
    assert {loop.settings.oobgc for loop in loops} == {15}, "of the requests of one loop"
    running = in_thread(many.run)
    until(lambda: all(loop.ran_in for loop in loops))
    assert [loop.ran_in for loop in loops] == [loop.thread for loop in loops]
    many.stop()
    running.join()


def test_no_limit_of_connections_stays_none(loops: list[Loop]) -> None:
    many = worker(threads=2, max_connections=0)
    many.stop()
    many.prepare()
    many.run()
    assert {loop.settings.max_connections for loop in loops} == {0}


def test_a_stop_reaches_all_loops_and_the_listeners_are_closed_when_all_need_them_no_more(
    loops: list[Loop],
) -> None:
    closed: list[int] = []
    many = worker(on_last_accept=lambda: closed.append(sum(loop.stopped.is_set() for loop in loops)))
    many.prepare()
    running = in_thread(many.run)
    many.stop(2.5)
    running.join()
    assert closed == [3]
    assert {call for loop in loops for call in loop.calls if call[0] == "stop"} == {("stop", 2.5)}
    assert ("show_life", False) in loops[0].calls, "the end may take its time"


def test_a_stop_before_the_loops_exist_is_not_lost(loops: list[Loop]) -> None:
    many = worker()
    many.stop()
    many.prepare()
    many.run()
    assert all(("stop", None) in loop.calls for loop in loops)


def test_what_ends_one_loop_stops_the_others_and_comes_out(loops: list[Loop]) -> None:
    many = worker()
    many.prepare()
    loops[1].fault = MemoryError("no memory")
    with pytest.raises(MemoryError, match="no memory"):
        many.run()
    assert loops[0].stopped.is_set()
    assert loops[2].stopped.is_set()


def test_a_loop_that_cannot_be_made_is_told_and_no_thread_is_left() -> None:
    before = threading.active_count()

    def make(*arguments: Any, slot: int, **options: Any) -> Loop:
        if slot == 8:
            raise OSError(24, "Too many open files")
        return Loop(*arguments, slot=slot, **options)

    with pytest.raises(OSError, match="Too many open files"):
        worker(make=make).prepare()
    until(lambda: threading.active_count() == before)


def test_context_variables_of_the_worker_are_those_of_all_loops(loops: list[Loop]) -> None:
    many = worker()
    many.prepare()
    token = COLOUR.set("blue")
    try:
        many.stop()
        many.run()
    finally:
        COLOUR.reset(token)
    assert [loop.colour for loop in loops] == ["blue"] * 3


def test_an_interrupt_reaches_the_loop_of_the_thread(loops: list[Loop]) -> None:
    many = worker()
    many.prepare()
    many.interrupt(1, TimeoutError)
    assert [("interrupt", 0, TimeoutError) in loop.calls for loop in loops] == [False, True, False]
    many.stop()
    many.run()


def test_logs_and_records_are_those_of_all_loops(loops: list[Loop]) -> None:
    many = worker()
    many.prepare()
    many.flush_logs()
    assert all(("flush_logs",) in loop.calls for loop in loops)
    assert many.take_records() == (b"6;7;8;", 3)
    many.stop()
    many.run()


def test_requests_in_progress_are_named_by_the_scores() -> None:
    scores = [
        Score(None, 3, True, 0, 0, b"GET /one?secret"),
        Score(None, 1, False, 2, 10, b"GET /two"),
        Score(None, 9, True, 0, 0, b"POST /three"),
    ]
    settings = Settings(app="app", threads=3)
    many = ManyLoops(
        Loop,
        lambda: scores,
        "app",
        [],
        settings,
        score=memoryview(b""),
        board=memoryview(b""),
        slot=0,
        max_requests=0,
    )
    assert many.in_progress() == ["GET /one and POST /three and 2 responses on the way (0.0 KiB in memory)"]
