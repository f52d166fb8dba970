"""Which frames of a traceback are shown."""

import logging
import sys
from collections.abc import Callable

import pytest

from rhebok.process import tracebacks
from rhebok.process.logs import open_error_log
from rhebok.process.tracebacks import NOTHING, TracebackFormatter, application_threads, is_ours

ROOT = tracebacks._ROOT
APPLICATION = '  File "/srv/app.py", line 3 in inner\n  File "/srv/app.py", line 5 in application\n'
WAY_IN = (
    f'  File "{ROOT}serving/worker.py", line 202 in _serve\n'
    f'  File "{ROOT}cli.py", line 29 in main\n'
    '  File "/srv/venv/bin/rhebok", line 6 in <module>\n'
)
THREAD_WAY_IN = (
    f'  File "{ROOT}native/held_threads.py", line 46 in _run\n  File "/lib/threading.py", line 9 in run\n'
)
LOGGING = f'  File "{ROOT}process/logs.py", line 9 in write\n'
FIRST, SECOND = "Thread 0x1 (most recent call first):\n", "Current thread 0x2 (most recent call first):\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (SECOND + APPLICATION + WAY_IN, SECOND + APPLICATION),
        (FIRST + APPLICATION + THREAD_WAY_IN, FIRST + APPLICATION),
        (SECOND + LOGGING + APPLICATION + WAY_IN, SECOND + APPLICATION),
        (FIRST + LOGGING + APPLICATION, FIRST + APPLICATION),
        (FIRST + THREAD_WAY_IN + "\n" + SECOND + APPLICATION + WAY_IN, SECOND + APPLICATION),
        (
            FIRST + APPLICATION + "\n" + SECOND + APPLICATION,
            FIRST + APPLICATION + "\n" + SECOND + APPLICATION,
        ),
        (SECOND + APPLICATION + SECOND + APPLICATION, SECOND + APPLICATION + "\n" + SECOND + APPLICATION),
        (SECOND + "  Garbage-collecting\n" + APPLICATION, SECOND + "  Garbage-collecting\n" + APPLICATION),
        (FIRST + "  <no Python frame>\n\n" + SECOND + WAY_IN, NOTHING),
    ],
)
def test_what_is_shown_of_threads(written: str, shown: str) -> None:
    assert application_threads(written) == shown


def test_sources_of_cython_are_ours() -> None:
    assert is_ours("rhebok/native/application_call.pyx")
    assert is_ours(ROOT + "cli.py")
    assert not is_ours(__file__)


def run_ours(application: Callable[[], object]) -> None:
    """As if this file were one of ours."""
    code = compile("def call(f): f()", ROOT + "serving/caller.py", "exec")
    names: dict[str, Callable[[object], None]] = {}
    exec(code, names)
    names["call"](application)


def shown(application: Callable[[], object]) -> str:
    try:
        run_ours(application)
    except BaseException:
        return TracebackFormatter().formatException(sys.exc_info())
    raise AssertionError


def interrupt() -> None:
    raise TimeoutError("late")


def wrap() -> None:
    try:
        run_ours(interrupt)
    except TimeoutError as error:
        raise LookupError("wrapped") from error


def test_an_exception_shows_the_frames_of_the_application() -> None:
    text = shown(interrupt)
    assert "in interrupt\n" in text
    assert "caller.py" not in text
    assert text.startswith("Traceback (most recent call last)")
    assert text.endswith("\nTimeoutError: late")


def test_so_do_the_exceptions_that_led_to_it() -> None:
    text = shown(wrap)
    assert "in interrupt\n" in text
    assert "in wrap\n" in text
    assert "caller.py" not in text
    assert text.count("Traceback (most recent call last)") == 2


def test_a_fault_of_ours_keeps_its_frames() -> None:
    code = compile("def fail(): raise ValueError('ours')", ROOT + "serving/caller.py", "exec")
    names: dict[str, Callable[[], None]] = {}
    exec(code, names)
    with pytest.raises(ValueError, match="ours") as raised:
        names["fail"]()
    inside = (ValueError, raised.value, raised.tb.tb_next)
    assert "caller.py" in TracebackFormatter().formatException(inside)


def test_without_an_exception_there_is_no_traceback() -> None:
    assert TracebackFormatter().formatException((None, None, None)) == "NoneType: None"


def test_the_error_log_uses_it(tmp_path: object) -> None:
    log = open_error_log(f"{tmp_path}/log", "info")
    assert isinstance(log.logger, logging.Logger)
    assert all(isinstance(handler.formatter, TracebackFormatter) for handler in log.logger.handlers)
