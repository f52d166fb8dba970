"""The tables of signals, the flags that handlers set, and the page about them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from signal import Signals

import pytest

from rhebok.errors import ExitStatus
from rhebok.process.signals import IGNORED_BY_WORKERS, MASTER_SIGNALS, Action, NotedSignals, Row

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "SIGNALS.md").read_text("utf-8")

TABLE = (Row(Signals.SIGUSR1, Action.REAP), Row(Signals.SIGUSR2, Action.STOP))


@pytest.fixture
def noted():
    noted = NotedSignals(TABLE)
    yield noted
    noted.abandon()


def test_signals_come_in_the_order_of_the_table(noted):
    for number in (Signals.SIGUSR2, Signals.SIGUSR1):
        os.kill(os.getpid(), number)
    assert noted.pending
    assert [row.signal for row in noted.pop_pending()] == [Signals.SIGUSR1, Signals.SIGUSR2]
    assert not noted.pending


def test_each_arrival_counts(noted):
    for _ in range(3):
        signal.raise_signal(Signals.SIGUSR1)
    assert len(list(noted.pop_pending())) == 3


def test_a_signal_makes_the_pipe_readable_until_it_is_drained(noted):
    signal.raise_signal(Signals.SIGUSR1)
    assert os.read(noted.pipe.read_end, 1) == bytes([Signals.SIGUSR1])
    signal.raise_signal(Signals.SIGUSR1)
    noted.pipe.drain()
    with pytest.raises(BlockingIOError):
        os.read(noted.pipe.read_end, 1)


ALL_SIGNALS = {row.signal for row in MASTER_SIGNALS}

ENDING = """
import atexit, os, signal, sys
from rhebok.process.signals import MASTER_SIGNALS, NotedSignals, ignore_for_good
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), write=os.write):
        for number in sent:
            kill(pid, number)
        write(1, b"destroyed")
sent = [int(each) for each in sys.argv[2:]]
atexit.register(ignore_for_good)
NotedSignals(MASTER_SIGNALS).end(can_be_cut=True)
def handler():
    for number in sent:
        os.kill(os.getpid(), number)
    print("handled", flush=True)
if sys.argv[1] == "handler":
    atexit.register(handler)
else:
    sys.modules["late"] = late = Late()
"""


def at_the_end(where: str, *sent: int) -> tuple[int, str]:
    argv = [sys.executable, "-c", ENDING, where, *(str(int(number)) for number in sent)]
    result = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=30)
    return result.returncode, result.stdout.strip()


@pytest.mark.parametrize(("where", "text"), [("handler", "handled"), ("modules", "destroyed")])
def test_at_the_end_of_a_process_no_signal_but_that_of_a_quick_stop_shortens_it(where, text):
    assert at_the_end(where, *sorted(ALL_SIGNALS - {Signals.SIGINT, Signals.SIGQUIT})) == (0, text)


@pytest.mark.parametrize("number", [Signals.SIGINT, Signals.SIGQUIT])
def test_a_quick_stop_cuts_exit_handlers(number):
    assert at_the_end("handler", number) == (-number, "")


def test_a_child_has_default_handlers():
    noted = NotedSignals(TABLE)
    noted.abandon()
    assert signal.getsignal(Signals.SIGUSR1) is signal.SIG_DFL


def test_the_page_names_every_signal_in_its_section():
    to_master, to_worker = PAGE.split("## To a worker")
    for row in MASTER_SIGNALS:
        assert row.signal.name.removeprefix("SIG") in to_master
    for number in IGNORED_BY_WORKERS:
        assert number.name.removeprefix("SIG") in to_worker


def test_the_page_gives_the_order_of_the_table():
    names = [row.signal.name.removeprefix("SIG") for row in MASTER_SIGNALS if row.action is not Action.NONE]
    assert f"in the order {', '.join(names)}." in PAGE


def test_the_page_lists_every_exit_status():
    statuses = PAGE.split("## Exit statuses")[1]
    assert all(f"| {status.value} | " in statuses for status in ExitStatus)
