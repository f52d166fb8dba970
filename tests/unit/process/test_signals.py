"""The tables of signals, the flags that handlers set, and the page about them."""

import os
import signal
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
    noted.restore()


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


def test_former_handlers_come_back():
    before = signal.getsignal(Signals.SIGUSR1)
    noted = NotedSignals(TABLE)
    assert signal.getsignal(Signals.SIGUSR1) != before
    noted.restore()
    assert signal.getsignal(Signals.SIGUSR1) == before


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
