"""The thread that hands lines of the access log to handlers in Python."""

import logging
import threading

from rhebok.serving import record_thread
from rhebok.serving.record_thread import CROWDED, RecordThread
from unit.conditions import until


class Records:
    format, line_format = "f", None

    def __init__(self):
        self.handled = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def handle(self, taken):
        self.entered.set()
        self.gate.wait(30)
        if taken == b"bad":
            raise ValueError(taken)
        self.handled.append(taken)


class Worker:
    def __init__(self, *taken):
        self.waiting = list(taken)
        self.lost = 0

    def take(self):
        lost, self.lost = self.lost, 0
        return (self.waiting.pop(0) if self.waiting else b""), lost


def made():
    lines = []
    log = logging.Logger("records")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)
    records = Records()
    return RecordThread(records, log), records, lines


def test_many_lines_wake_the_thread(monkeypatch):
    monkeypatch.setattr(record_thread, "EVERY", 3600)
    thread, records, _lines = made()
    thread.start(Worker(b"a", b"b").take)
    thread.full(40_000)
    until(lambda: records.handled == [b"a"])
    thread.full(40_000)
    until(lambda: records.handled == [b"a", b"b"])


def test_lines_are_handled_without_being_many():
    thread, records, _lines = made()
    thread.start(Worker(b"a").take)
    until(lambda: records.handled == [b"a"])


def test_a_request_waits_for_slow_handlers_once_and_not_for_long(monkeypatch):
    monkeypatch.setattr(record_thread, "EVERY", 3600)
    monkeypatch.setattr(record_thread, "PATIENCE", 0.001)
    thread, records, _lines = made()
    records.gate.clear()
    thread.start(Worker(b"a").take)
    thread.full(CROWDED - 1)
    assert records.entered.wait(30)
    thread.full(CROWDED)
    monkeypatch.setattr(record_thread, "PATIENCE", 3600)
    thread.full(CROWDED)  # returns at once
    records.gate.set()
    until(lambda: records.handled == [b"a"])


def test_the_end_handles_what_is_left():
    thread, records, _lines = made()
    thread._take = Worker(b"a").take
    thread.finish()
    assert records.handled == [b"a"]


def test_an_exception_and_lost_lines_are_in_the_log_and_the_next_ones_are_handled():
    thread, records, lines = made()
    worker = Worker(b"bad", b"good")
    worker.lost = 7
    thread._take = worker.take
    thread.finish()
    thread.finish()
    assert records.handled == [b"good"]
    assert lines == [
        "7 lines of the access log were lost: its handlers are too slow",
        "lines of the access log could not be handled",
    ]
