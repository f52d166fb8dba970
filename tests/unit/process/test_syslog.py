"""The handler for syslog: what it sends, and a daemon that hangs, is not there, or comes back."""

import logging
import os
import re
import socket

import pytest

from rhebok.process import syslog
from rhebok.process.syslog import Rfc5424, SyslogHandler


class Report(logging.Logger):
    def __init__(self):
        super().__init__("report")
        self.lines = []
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())
        self.addHandler(handler)


@pytest.fixture
def report():
    return Report()


def bound(path, kind=socket.SOCK_DGRAM) -> socket.socket:
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(str(path))
    made.settimeout(30)
    return made


def logger(path, report, kind=None) -> logging.Logger:
    made = logging.Logger("tried")
    made.addHandler(SyslogHandler(str(path), "local1", kind, report))
    return made


def test_a_line_has_facility_and_severity(tmp_path, report):
    with bound(tmp_path / "s") as daemon:
        tried = logger(tmp_path / "s", report)
        tried.info("first \udce9")
        tried.error("second")
        assert daemon.recv(100) == b"<142>first \\udce9\0"
        assert daemon.recv(100) == b"<139>second\0"
    assert report.lines == []


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_daemon_that_hangs_holds_up_nothing_and_is_one_line(tmp_path, report, kind):
    with bound(tmp_path / "s", kind) as daemon:
        if kind == socket.SOCK_STREAM:
            daemon.listen(1)
        tried = logger(tmp_path / "s", report, kind)
        for _ in range(3000):  # more than any queue takes
            tried.info("x" * 1000)
    assert report.lines == [f"--log-syslog-to: 1 line could not be sent to {tmp_path}/s: timed out"]


def test_a_daemon_that_comes_late_or_again_gets_lines(tmp_path, report, monkeypatch):
    monkeypatch.setattr(syslog, "SAID_EVERY", 0)
    tried = logger(tmp_path / "s", report)
    tried.info("lost")
    for _ in range(2):
        with bound(tmp_path / "s") as daemon:
            tried.info("sent")
            assert daemon.recv(100) == b"<142>sent\0"
    reason = f"could not be sent to {tmp_path}/s: no such file or directory"
    assert report.lines == [f"--log-syslog-to: 1 line {reason}"]


def test_lines_that_were_lost_are_counted(tmp_path, report):
    tried = logger(tmp_path / "s", report)
    for _ in range(5):
        tried.info("lost")
    tried.handlers[0]._say_at = 0
    with bound(tmp_path / "s") as daemon:
        tried.info("sent")
        assert daemon.recv(100) == b"<142>sent\0"
    assert [line.split(" could")[0] for line in report.lines] == [
        "--log-syslog-to: 1 line",
        "--log-syslog-to: 4 lines",
    ]


def test_over_udp_nobody_is_no_error_and_who_comes_gets_lines(report):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    tried = logging.Logger("tried")
    tried.addHandler(SyslogHandler(place, "user", socket.SOCK_DGRAM, report))
    for _ in range(3):
        tried.info("to nobody")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(place)
        daemon.settimeout(30)
        tried.info("sent")
        assert daemon.recv(100) == b"<14>sent\0"
    assert report.lines == []


def test_a_host_that_cannot_be_reached_is_an_error_at_the_start(report):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    with pytest.raises(ConnectionRefusedError):
        SyslogHandler(place, "user", socket.SOCK_STREAM, report)


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[-+]\d\d:\d\d"
HEADER = rf"<14>1 {TIME} [!-~]+ a_b {os.getpid()} error - "


def test_with_a_header_a_message_over_udp_is_that_of_rfc_5424(report):
    tried = logging.Logger("tried")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(30)
        header = Rfc5424("a b", "error")
        tried.addHandler(SyslogHandler(daemon.getsockname(), "user", socket.SOCK_DGRAM, report, header))
        tried.info("one\ntwo")
        assert re.fullmatch(HEADER + "one\ntwo", daemon.recv(1000).decode())


def test_over_tcp_it_has_its_length_in_front(report):
    tried = logging.Logger("tried")
    with socket.create_server(("127.0.0.1", 0)) as daemon:
        header = Rfc5424("a b", "error")
        tried.addHandler(SyslogHandler(daemon.getsockname(), "user", socket.SOCK_STREAM, report, header))
        with daemon.accept()[0] as accepted, accepted.makefile("rb") as stream:
            for text in ("one\ntwo", "\u00e9"):
                tried.info(text)
                size = int(b"".join(iter(lambda: stream.read(1), b" ")))
                assert re.fullmatch(HEADER + text, stream.read(size).decode())


def test_over_a_unix_socket_it_ends_as_other_lines_do(tmp_path, report):
    tried = logging.Logger("tried")
    with bound(tmp_path / "s") as daemon:
        tried.addHandler(SyslogHandler(str(tmp_path / "s"), "user", None, report, Rfc5424("a b", "error")))
        tried.info("one")
        assert re.fullmatch(HEADER + "one\0", daemon.recv(1000).decode())
