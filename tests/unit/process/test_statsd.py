"""Addresses and words of statsd, and what lines of the log count."""

import logging
import socket
import sys
from pathlib import Path

import pytest

from rhebok.process import statsd
from rhebok.process.statsd import Statsd, StatsdHandler, open_statsd, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:9125", ("localhost", 9125)),
        ("statsd", ("statsd", 8125)),
        ("[::1]:1", ("::1", 1)),
        ("[::1]", ("::1", 8125)),
        ("unix:///run/s.sock", "/run/s.sock"),
        ("unix:run/s.sock", "run/s.sock"),
        ("unix:8125", ("unix", 8125)),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "a:b", "h:0", "h:65536", "unix://", "http://x", "unix://" + "x" * 108])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=r"^"):
        parse_address(text)


@pytest.mark.parametrize("text", ["a|b", "a\nb", "\u00e9"])
def test_what_would_break_a_line_is_no_word(text):
    with pytest.raises(ValueError, match=r"^"):
        statsd.check_word(text)


class Server:
    """A statsd that tells what it got."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.setblocking(False)

    def lines(self):
        found = []
        while True:
            try:
                found.append(self.sock.recv(65536).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "s")
    yield made
    made.sock.close()


@pytest.fixture
def log():
    return logging.Logger("statsd")


def opened(server, log, prefix="", tags="") -> Statsd:
    made = open_statsd(f"unix://{server.path}", prefix, tags, log)
    assert made
    return made


@pytest.mark.parametrize(
    ("prefix", "name"),
    [("", "x"), ("my", "my.x"), ("my.", "my.x"), ("my..", "my.x"), ("a.b", "a.b.x"), ("a", "ax")],
)
def test_the_prefix_ends_in_one_dot(server, log, prefix, name):
    opened(server, log, prefix).gauge("x", 1)
    assert server.lines() == [f"{name}:1|g"]


def test_each_kind_of_metric_has_its_letter_and_the_tags(server, log):
    made = opened(server, log, tags="a:b,c")
    made.gauge("g", 1)
    made.histogram("h", 2)
    made.timer("t", 1.5)
    made.increment("c", 3)
    assert server.lines() == ["g:1|g|#a:b,c", "h:2|h|#a:b,c", "t:1.5|ms|#a:b,c", "c:3|c|@1.0|#a:b,c"]


def test_lines_of_the_log_are_counted_by_severity(server, log):
    log.addHandler(StatsdHandler(opened(server, log)))
    log.debug("a")
    log.info("a")
    log.warning("a")
    log.error("a")
    log.critical("a")
    try:
        raise ValueError
    except ValueError:
        log.exception("a")
        log.error("a", exc_info=sys.exc_info())
    names = ["warning", "error", "critical", "exception", "exception"]
    assert server.lines() == [f"gunicorn.log.{name}:1|c|@1.0" for name in names]


def test_a_line_may_have_a_metric_of_its_own(server, log):
    log.addHandler(StatsdHandler(opened(server, log)))
    for kind in ("gauge", "counter", "histogram", "timer", "other"):
        log.info("a", extra={"metric": kind, "value": 0, "mtype": kind})
    log.info("a", extra={"metric": "m", "mtype": "gauge"})
    assert server.lines() == ["gauge:0|g", "counter:0|c|@1.0", "histogram:0|h", "timer:0|ms"]


def test_a_server_that_was_started_again_gets_the_metrics(server, log, tmp_path):
    made = opened(server, log)
    server.sock.close()
    made.gauge("lost", 1)
    server.path.unlink()
    again = Server(server.path)
    made.gauge("x", 1)
    assert again.lines() == ["x:1|g"]
    again.sock.close()


def test_a_full_socket_loses_metrics_and_does_not_wait(server, log):
    made = opened(server, log)
    for number in range(10_000):
        made.gauge("x", number)
    assert 0 < len(server.lines()) < 10_000


def test_a_host_without_an_address_is_a_line_in_the_log(log, caplog, monkeypatch):
    def fail(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)
    assert open_statsd("nowhere.invalid", "", "", log) is None
    assert len(lines) == 1
    assert lines[0].startswith("--statsd-host: no metrics are sent: nowhere.invalid: ")


def test_ipv4_comes_first(log):
    made = open_statsd("localhost:1", "", "", log)
    assert made
    assert made.sock.family == socket.AF_INET
