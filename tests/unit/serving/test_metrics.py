"""The master's metrics: when they are sent, and with which values."""

from math import inf
from types import SimpleNamespace

from rhebok.serving.metrics import MasterMetrics


class Sent(list):
    def gauge(self, name, value):
        self.append((name, value))

    histogram = gauge


def listener(fd=3, is_unix=False):
    return SimpleNamespace(fileno=lambda: fd, is_unix=is_unix)


def test_the_number_of_workers_is_sent_when_it_has_changed():
    sent = Sent()
    metrics = MasterMetrics(sent)
    assert metrics.next_at() == inf
    metrics.forked()
    metrics.forked()
    assert metrics.next_at() < inf
    metrics.look([])
    metrics.look([])
    assert sent == [("gunicorn.workers", 2)]
    metrics.reaped()
    metrics.look([])
    assert sent[1:] == [("gunicorn.workers", 1)]


def test_a_generation_that_stops_leaves_the_figures_to_its_successor():
    sent = Sent()
    metrics = MasterMetrics(sent, lambda _fd, _is_unix: 0)
    metrics.forked()
    metrics.generation_stops()
    metrics.reaped()
    metrics.look([listener()])
    assert sent == []
    assert metrics.next_at() == inf


def test_the_queues_of_all_listeners_are_one_figure_once_a_second():
    sent = Sent()
    metrics = MasterMetrics(sent, lambda fd, is_unix: None if fd == 9 else fd + is_unix)
    every = [listener(3), listener(4, True), listener(9), listener(-1)]
    metrics.look(every)
    metrics.look(every)
    assert sent == [("gunicorn.backlog", 8)]
    assert metrics.next_at() < inf


def test_without_statsd_nothing_is_looked_at():
    metrics = MasterMetrics(None, lambda _fd, _is_unix: 1)
    metrics.forked()
    metrics.look([listener()])
    assert metrics.next_at() == inf
